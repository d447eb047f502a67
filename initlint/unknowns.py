"""Where the analysis ended unknown: there, that nothing was found proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from initlint.graph import Context, InitEvent, Model, Unknown
from initlint.source import Place


def unknown_lines(models: Iterable[Model]) -> frozenset[tuple[str, int]]:
    """Files and lines on which something is unknown; line 0 stands for a whole file."""
    found: set[tuple[str, int]] = set()
    for model in models:
        for unknown in model.notes:
            found |= lines(unknown.place)
        for context in model.contexts:
            if not context.complete:
                found.add((context.file, 0))
            for place in places(context):
                found |= lines(place)
    return frozenset(found)


def places(context: Context) -> Iterator[Place | None]:
    for unknown in context.unknown:
        yield unknown.place
    for layer in context.layers:
        dark = bool(layer.unknown) or layer.activations is None or layer.repeated
        for weight in layer.weights:
            for event in (event for history in weight.histories for event in history):
                if is_unknown(event) or dark:
                    yield event.place
                if is_unknown(event):
                    dark = True
        if dark:
            yield layer.place
            yield layer.owner


def is_unknown(event: InitEvent) -> bool:
    return event.name == "unknown" or not event.certain or any(isinstance(value, Unknown) for _, value in event.args)


def lines(place: Place | None) -> set[tuple[str, int]]:
    """The first and the last line of a place: where a comment may stand for it."""
    if place is None:
        return set()
    return {(place.file, place.span.start.line), (place.file, place.span.end.line)}
