"""On which lines the analysis knows all there is to know: there, that nothing was found means something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from initlint.graph import Context, InitEvent, Model, Unknown
from initlint.source import Place


def certain_lines(models: Iterable[Model]) -> frozenset[tuple[str, int]]:
    """Files and lines at which a layer, a write or a pass begins or ends of which nothing is unknown."""
    certain: set[tuple[str, int]] = set()
    dark: set[tuple[str, int]] = set()
    incomplete: set[str] = set()
    for model in models:
        for unknown in model.notes:
            dark |= lines(unknown.place)
        for context in model.contexts:
            if not context.complete:
                incomplete.add(context.file)
            for place, known in places(context):
                (certain if known else dark).update(lines(place))
    return frozenset(at for at in certain - dark if at[0] not in incomplete)


def places(context: Context) -> Iterator[tuple[Place | None, bool]]:
    """Every place of a context that rules look at, and whether what stands there is known."""
    for unknown in context.unknown:
        yield unknown.place, False
    for sweep in context.sweeps:
        yield sweep.place, True
    for layer in context.layers:
        known = not layer.unknown and layer.activations is not None and not layer.repeated
        for weight in layer.weights:
            for event in (event for history in weight.histories for event in history):
                known = known and is_known(event)
                yield event.place, known
        yield layer.place, known
        yield layer.owner, known


def is_known(event: InitEvent) -> bool:
    return event.name != "unknown" and event.certain and not any(isinstance(value, Unknown) for _, value in event.args)


def lines(place: Place | None) -> set[tuple[str, int]]:
    """The first and the last line of a place: where a comment may stand for it."""
    if place is None:
        return set()
    return {(place.file, place.span.start.line), (place.file, place.span.end.line)}
