"""Do two layers that one initializer object has made equal become different? Ten steps of SGD on what is around them.

Layers fed by the same tensor are played as branches that meet where those of the code do; one behind the other, in the
row of maps that leads from one to the other; layers that nothing connects each on data of its own. What counts is how
far the two weights are from each other, compared with two that are drawn independently: that is nothing at the start,
and after ten steps it should not be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from initlint.graph import ATTENTION, GATE, MERGE
from initlint.silence import played
from initlint.symmetry import BATCH, STEPS, WIDTH, Map, Row, drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from initlint.chains import Flow
    from initlint.graph import Edge, Layer, Weight

ALIKE: Final = "alike"
APART: Final = "apart"
DRAWS: Final = 8  # of all weights: the fewer entries, the more the distance of two draws is chance
HALF: Final = 0.5  # of the distance of independent draws
DEPTH: Final = 3  # layers behind a branch that are played
FARTHEST: Final = 8  # layers between two that are one behind the other
JOINS: Final = {MERGE: "add", GATE: "mul", ATTENTION: "mul"}  # a score is a product
MEETINGS: Final = ("mul", "cat", "add")


class Twins(NamedTuple):
    """Two weights with what is around them: rows of maps from the same data, or from data of their own where it is not
    `common`, which meet in a join (none: each has an output), and go on in further maps. Without a second row both
    stand in the first. `at` are their positions in their rows, `inputs` the width of what comes in."""

    first: tuple[Map, ...]
    second: tuple[Map, ...] = ()
    at: tuple[int, int] = (0, 0)
    join: str = ""
    onward: tuple[Map, ...] = ()
    inputs: int = WIDTH
    common: bool = True


def likeness(twins: Twins) -> str | None:
    """ALIKE or APART after ten steps; None where an activation is not known, or the weights are not played as large."""
    import numpy as np

    apart = whole = 0.0
    for seed in range(DRAWS):
        generator = np.random.default_rng(seed)
        with np.errstate(all="ignore"):
            found = _trained(twins, generator)
        if found is None or found[0].shape != found[1].shape or not all(np.isfinite(one).all() for one in found):
            return None
        a, b = found
        apart += float(((a - b) ** 2).sum())
        whole += float((a**2).sum() + (b**2).sum())
    return APART if apart > HALF * whole else ALIKE


def _trained(twins: Twins, generator: Any) -> tuple[Any, Any] | None:
    """Both weights after ten steps."""
    made: dict[tuple[int, tuple[int, ...]], Any] = {}
    first = drawn(twins.first, twins.inputs, generator, made)
    if first is None:
        return None
    data = generator.standard_normal((BATCH, twins.inputs))
    if not twins.second:
        target = generator.standard_normal((BATCH, first.width))
        for _ in range(STEPS):
            passed = first.forward(data)
            first.step(first.backward(passed, (passed.signal - target) / BATCH)[0])
        return first.weights[twins.at[0]], first.weights[twins.at[1]]
    second = drawn(twins.second, twins.inputs, generator, made)
    if second is None:
        return None
    other = data if twins.common else generator.standard_normal((BATCH, twins.inputs))
    join = twins.join if first.width == second.width or twins.join == "cat" else ""
    width = first.width + second.width if join == "cat" else max(first.width, second.width)
    onward = drawn(twins.onward if join else (), width, generator, made)
    if onward is None:
        return None
    target = generator.standard_normal((BATCH, onward.width if onward.maps else width))
    for _ in range(STEPS):
        _step(first, second, onward, join, (data, other), target)
    return first.weights[twins.at[0]], second.weights[twins.at[1]]


def _step(first: Row, second: Row, onward: Row, join: str, data: tuple[Any, Any], target: Any) -> None:
    """One step of all weights. Without a join both outputs are fitted to the same target, as twin critics are."""
    import numpy as np

    a, b = first.forward(data[0]), second.forward(data[1])
    if not join:
        for row, made in ((first, a), (second, b)):
            row.step(row.backward(made, (made.signal - target[:, : row.width]) / BATCH)[0])
        return
    if join == "cat":
        met = np.concatenate([a.signal, b.signal], axis=1)
    else:
        met = a.signal + b.signal if join == "add" else a.signal * b.signal
    passed = onward.forward(met)
    gradients, back = onward.backward(passed, (passed.signal - target) / BATCH)
    mine = theirs = back
    if join == "cat":
        mine, theirs = back[:, : first.width], back[:, first.width :]
    elif join == "mul":
        mine, theirs = back * b.signal, back * a.signal
    steps = (first.backward(a, mine)[0], second.backward(b, theirs)[0])
    for row, step in zip((first, second, onward), (*steps, gradients)):
        row.step(step)


# --- what is around two layers ----------------------------------------------------------------------------------------


def twins_of(flow: Flow, one: tuple[Layer, Weight], other: tuple[Layer, Weight]) -> Twins | None:
    """Two weights as they stand in the data flow; None where they are not what their layers multiply with."""
    (first, own), (second, its) = one, other
    if first.kernel is not own or second.kernel is not its:
        return None
    for before, after in ((first, second), (second, first)):
        way = flow.chain(before.index, FARTHEST)
        reached = [edge.target for edge in way]
        if after.index in reached:
            end = reached.index(after.index) + 1
            return Twins(_row(flow, before, way[: end + 1]), at=(0, end), inputs=_inputs(before))
    ways = [flow.chain(layer.index, DEPTH) for layer in (first, second)]
    common = bool(inputs_of(flow, first) & inputs_of(flow, second))
    meeting = next((e.target for e in ways[0] if e.target >= 0 and e.target in [o.target for o in ways[1]]), None)
    if meeting is None:
        rows = [_row(flow, layer, way) for layer, way in zip((first, second), ways)]
        return Twins(rows[0], rows[1], join=_joined(flow, first, second), inputs=_inputs(first), common=common)
    rows, joins = [], set[str]()
    for layer, way in zip((first, second), ways):
        end = [edge.target for edge in way].index(meeting)
        rows.append(_row(flow, layer, way[: end + 1])[: end + 1])
        joins |= {op for op in MEETINGS if op in way[end].path}
    join = next((op for op in MEETINGS if op in joins), "add")
    layers = flow.context.layers
    return Twins(
        rows[0],
        rows[1],
        join=join,
        onward=_row(flow, layers[meeting], flow.chain(meeting, DEPTH)),
        inputs=_inputs(first),
        common=common,
    )


def _row(flow: Flow, layer: Layer, way: Sequence[Edge]) -> tuple[Map, ...]:
    """The maps from a layer on along a way."""
    layers = [layer, *(flow.context.layers[edge.target] for edge in way if edge.target >= 0)]
    edges = [*way, *flow.after(layers[-1].index)[:1], None]
    return tuple(_played(one, edge) for one, edge in zip(layers, edges))


def _played(layer: Layer, edge: Edge | None) -> Map:
    kernel = layer.kernel
    makers = set() if kernel is None else {event.maker if event else 0 for event in kernel.effective()}
    return played(layer, edge)._replace(maker=makers.pop() if len(makers) == 1 else 0)


def inputs_of(flow: Flow, layer: Layer) -> frozenset[int]:
    """The tensors that feed a layer: positions among the nodes."""
    nodes = flow.context.nodes
    return frozenset(i for node in nodes if node.op == "layer" and node.layer == layer.index for i in node.inputs)


def _joined(flow: Flow, first: Layer, second: Layer) -> str:
    """How branches end in each other."""
    mine, theirs = ({edge.target for edge in flow.after(layer.index)} for layer in (first, second))
    return next((op for end, op in JOINS.items() if end in mine & theirs), "")


def _inputs(layer: Layer) -> int:
    return min(layer.fan_in or WIDTH, WIDTH) if layer.kind in {"Linear", "Dense"} else WIDTH
