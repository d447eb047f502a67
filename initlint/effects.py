"""What a reading of a text shows, for the proof of fixes: the writes to all weights, and the steps of the data flow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from initlint import strengths
from initlint.chains import Flow
from initlint.findings import SOMEWHERE, Effect, Step
from initlint.subjects import Use
from initlint.twins import likeness, twins_of

if TYPE_CHECKING:
    from initlint.graph import InitEvent, Layer, Model, Weight


def effects(models: Iterable[Model]) -> tuple[Effect, ...]:
    """All writes that stand in the code, and the defaults that nothing replaces, with what they come to."""
    return tuple(
        effect
        for model in models
        for context in model.contexts
        for flow in [Flow(context)]
        for layer in context.layers
        for weight in layer.weights
        for effect in _effects(flow, layer, weight)
    )


def _effects(flow: Flow, layer: Layer, weight: Weight) -> Iterator[Effect]:
    for history in weight.histories:
        for position, event in enumerate(history):
            lasting = not any(_replaces(later, event) for later in history[position + 1 :])
            if event.place is None and not (lasting and event.covers):
                continue
            yield Effect(
                layer=layer.name,
                place=layer.place,
                weight=weight.name,
                technique=strengths.technique(weight, event),
                moment=strengths.variance_ratio(layer, weight, event),
                gain=_gain(weight, event),
                value=strengths.constant(weight, event),
                part=None if event.covers else event.part or SOMEWHERE,
                known=strengths.law(weight, event) is not None,
                lasting=lasting,
                at=() if event.place is None else (event.place, *event.calls, *(place for _, place in event.spans)),
                maker=event.maker,
                prospect=partial(_prospect, Use(flow, layer, weight, event)),
                likeness=partial(_likeness, flow, layer, weight),
            )


def _replaces(later: InitEvent, event: InitEvent) -> bool:
    """Whether a write leaves nothing of one before it."""
    if later.covers or event.covers or later.part is None or event.part is None:
        return later.covers
    return later.part[0] < event.part[1] and event.part[0] < later.part[1]


def _gain(weight: Weight, event: InitEvent) -> float | None:
    """The gain of an initializer that has one; of a law without fans its standard deviation."""
    found = strengths.given_gain(event)
    law = strengths.law(weight, event) if found is None else None
    return law.scale**0.5 if law is not None and not law.fan and law.scale else found


def _prospect(use: Use) -> str | None:
    return use.prospect


def _likeness(flow: Flow, layer: Layer, weight: Weight, effect: Effect) -> str | None:
    """Whether the weight stays like another of the same context in training; None where that can't be played."""
    for other in flow.context.layers:
        own = other.weight(effect.weight)
        if (other.name, other.place) == (effect.layer, effect.place) and other is not layer and own is not None:
            twins = twins_of(flow, (layer, weight), (other, own))
            return None if twins is None else likeness(twins)
    return None


def steps(models: Iterable[Model]) -> tuple[Step, ...]:
    """The steps of the data flow that stand in the code."""
    return tuple(
        Step(node.op, node.name, node.place, node.parameter)
        for model in models
        for context in model.contexts
        for node in context.nodes
        if node.place is not None
    )
