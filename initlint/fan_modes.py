"""The fan that an initializer divided by, against the layer's true one."""

from __future__ import annotations

from typing import NamedTuple

from initlint import strengths
from initlint.graph import InitEvent, Layer, Weight

FANS = frozenset({"fan_in", "fan_out", "fan_avg"})


class Division(NamedTuple):
    """A fan as it was computed for a weight, and the true fan in the same direction."""

    name: str  # fan_in, fan_out, fan_avg
    computed: float
    true: float


def division(layer: Layer, weight: Weight, event: InitEvent) -> Division | None:
    """What an explicit initializer divided by. None where it uses no fan, or a size is unknown."""
    fans = true_fans(layer, weight) if event.explicit else None
    if fans is None:
        return None
    law = strengths.law(weight, event)
    if law is not None and law.fan in FANS:
        computed = average(law.fan, *strengths.fans(weight, event)[:2])
        name = law.fan
    elif event.fan is not None:
        computed, name = event.fan.size, event.fan.name
    else:
        return None
    # A stride lets fewer positions through; with it or without, both are ways to count.
    fan_in, fan_out = fans
    if "Transpose" in layer.kind:
        strided = (fan_in and fan_in / layer.dilution, fan_out)
    else:
        strided = (fan_in, fan_out and fan_out / layer.dilution)
    most, least = average(name, *fans), average(name, *strided)
    if not computed or not most or not least:
        return None
    if name == "fan_out" and fan_in and strided[0] and strided[0] / 2 <= computed <= 2 * fan_in:
        return None  # where the sides are swapped, asking for fan_out is how to get the true fan_in
    return Division(name, computed, min(max(computed, least), most))


def average(name: str, fan_in: float | None, fan_out: float | None) -> float | None:
    if name == "fan_in":
        return fan_in
    if name == "fan_out":
        return fan_out
    return None if fan_in is None or fan_out is None else (fan_in + fan_out) / 2


def true_fans(layer: Layer, weight: Weight) -> tuple[float | None, float | None] | None:
    """fan_in and fan_out of one unit: groups, gates and packed projections counted right."""
    shape = weight.shape
    if shape is None or len(shape) < 2:
        return None
    if layer.kind == "Parameter":
        return (layer.fan_in, layer.fan_out) if layer.kernel is weight else None
    if weight.place != layer.place:  # another parameter took the place of the layer's own
        return None
    if weight.role == "kernel" and weight.name.startswith("weight_ih"):  # of gates, in any of stacked layers
        return shape[1], layer.fan_out
    return (layer.fan_in, layer.fan_out) if layer.kernel is weight else None


def peculiarity(layer: Layer, weight: Weight) -> str:
    """Why torch's fans are not the true ones there, for a message."""
    if "Transpose" in layer.kind:
        return "a transposed kernel"
    if layer.kind.startswith(("Conv", "LazyConv")):
        grouped = layer.fan_out is not None and strengths.fans(weight)[1] != layer.fan_out
        return "a grouped kernel" if grouped else ""
    if weight.name.startswith("weight_ih"):
        return "the gates are stacked in one matrix"
    if weight.name == "in_proj_weight":
        return "three projections are packed in one matrix"
    if layer.kind == "Parameter" and weight.shape is not None and len(weight.shape) > 2:
        return "a stack of matrices"
    if layer.kind == "Parameter":
        return "a matrix of the layout in x out"
    return ""
