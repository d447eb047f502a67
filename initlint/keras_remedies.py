"""What puts layers of Keras right: initializer objects that several share, and initializers where none is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from initlint.knowledge import knowledge
from initlint.prescriptions import Undecided, prescription
from initlint.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from initlint.source import Span
    from initlint.subject import Subject
    from initlint.survey import Survey, Written

# Initializers without arguments, which a string makes anew for each layer.
BY_NAME: Final = frozenset(f"{name}_{shape}" for name in ("he", "glorot", "lecun") for shape in ("normal", "uniform"))


def argument(subjects: Sequence[Subject], survey: Survey) -> dict[str, str]:
    """What the layer's argument should say, where it has one: `form` is write (in the place of what is there) or clone.
    Of an object with a seed, or that no argument of the layer's own names: `seeded`, where its seed stands, or `made`,
    where the object is made, so that it gets a generator that goes on from layer to layer."""
    first = subjects[0]
    assert isinstance(first, Shared)
    facts: dict[str, str] = {}
    if first.place != first.second.place:
        if first.spelling in BY_NAME:
            facts = {"form": "write", "right": f'"{first.spelling}"'}
        elif not first.seeded:
            facts = {"form": "clone"}
    if facts and not first.seeded:
        return facts
    seed, made = dict(first.event.spans).get("seed"), first.event.place
    if seed is not None and seed.file == first.place.file:
        return {**facts, "seeded": span_text(seed.span)}
    if made is not None and made.file == first.place.file and not first.seeded:
        return {**facts, "made": span_text(made.span)}
    if facts:
        return facts
    raise Undecided("the initializer is made in another file, or its seed is not written where it is made")


def constructors(written: Sequence[Written], facts: Mapping[str, str], file: str) -> str:
    """The calls that make these layers, each with the argument that chooses the initializer of their kernels:
    `kernel_initializer@8:15-8:50`. Raises Undecided where other layers that they make need something else."""
    found = dict.fromkeys((one.layer.place, _chooser(one)) for one in written)
    if any(place.file != file for place, _ in found):
        raise Undecided("a layer is made in another file")
    places = {place for place, _ in found}
    own = {(id(one.flow), one.layer.index) for one in written}
    for flow in {id(one.flow): one.flow for one in written}.values():
        for layer in flow.context.layers:
            kernel = layer.kernel
            if layer.place in places and kernel is not None and (id(flow), layer.index) not in own:
                more = [
                    written[0]._replace(flow=flow, layer=layer, weight=kernel, event=e) for e in kernel.effective() if e
                ]
                if prescription([*more, *written]) != facts:
                    raise Undecided(f"{layer.name} is made there too, and needs something else")
    return " ".join(f"{name}@{span_text(place.span)}" for place, name in found)


def _chooser(one: Written) -> str:
    spec = knowledge().layers.get(one.layer.qualified)
    names: set[str] = {own.initializer for own in spec.weights if own.role == "kernel"} if spec else set()
    if len(names) != 1 or "" in names:
        raise Undecided(f"a {one.layer.kind} has several kernels, or none that an argument initializes")
    return names.pop()


def span_text(span: Span) -> str:
    """A span as facts tell it: `8:15-8:50`."""
    return f"{span.start.line}:{span.start.column}-{span.end.line}:{span.end.column}"
