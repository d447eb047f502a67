"""Initializers that ran on weights after a checkpoint was loaded into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from initlint.graph import History, InitEvent, Reload
from initlint.interpret.machine import Machine
from initlint.interpret.tensors import Param
from initlint.interpret.torch_traversal import named_modules, own_parameters
from initlint.knowledge import LOADING
from initlint.source import Place

MAIN = ("kernel", "embedding", "recurrent", "raw")


def reloads(machine: Machine, owners: Sequence[tuple[int, str, Param]]) -> tuple[Reload, ...]:
    """What each such initializer overwrote. `owners` has every parameter with its layer and that one's kind."""
    known = [(index, kind, param, "") for index, kind, param in owners if param.role in MAIN]
    for model in machine.pretrained:
        for _, layer in named_modules(model):
            if layer.place is model.place and layer is not model:
                known += [(-1, layer.name, p, model.name) for _, p in own_parameters(layer) if p.role in MAIN]
    loaded = [one for one in known if any(e.spelling == LOADING for history in one[2].histories for e in history)]
    hits: dict[Place, dict[int, InitEvent]] = {}
    loads: dict[Place, InitEvent] = {}
    for position, (_, _, param, _) in enumerate(loaded):
        for event, load in overwritten(param.histories):
            assert event.place is not None
            hits.setdefault(event.place, {})[position] = event
            loads.setdefault(event.place, load)
    return tuple(reload(place, found, loads[place], loaded) for place, found in hits.items() if loads[place].place)


def reload(
    place: Place, found: Mapping[int, InitEvent], load: InitEvent, loaded: Sequence[tuple[int, str, Param, str]]
) -> Reload:
    assert load.place is not None
    hit = [loaded[i] for i in found]
    kept = [one for i, one in enumerate(loaded) if i not in found]
    kinds = {kind for _, kind, _, _ in hit}
    return Reload(
        place,
        next(iter(found.values())).spelling,
        load.place,
        next((model for _, _, _, model in hit if model), ""),
        tuple(sorted({index for index, _, _, _ in hit if index >= 0})),
        not kept,
        any(kind in kinds for _, kind, _, _ in kept),
    )


def overwritten(histories: Sequence[History]) -> Iterator[tuple[InitEvent, InitEvent]]:
    """Each initializer that surely ran after a load on the same way, with the load."""
    for history in histories:
        load: InitEvent | None = None
        for event in history:
            if event.spelling == LOADING:
                load = event
            elif load is not None and event.explicit and event.covers and event.certain and event.name != "unknown":
                if event.place is not None and follows(event, load):
                    yield event, load
                break


def follows(event: InitEvent, load: InitEvent) -> bool:
    """Whether it stands below the load, and is not what a loop comes back to: a reset before the next turn."""
    for one, other in zip(ways(event), ways(load), strict=False):
        if one != other:
            return one.file != other.file or one.span.start.line > other.span.start.line
    return True


def ways(event: InitEvent) -> tuple[Place, ...]:
    return (*event.calls, event.place) if event.place is not None else event.calls
