"""Runs of layers as the signal model sees them.

A strand is the longest row of layers through one of them, each with what follows it, in which all weights are known and
nothing resets or mixes the signal: no norm, no sum, no product. Heads are no part of what stands before them. The
steps of a plain recurrent network are one too. A loop of unknown length stands in it with one turn, which can be
repeated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint import strengths
from initlint.chains import Flow
from initlint.graph import Activation, Edge, InitEvent, Layer, Pool, Weight
from initlint.network import Builder, Cell, Dense, Step

if TYPE_CHECKING:
    from initlint.source import Place

NOMINAL: Final = 256  # units, where a width is unknown and only the product with the variance counts
POOLED: Final = 4  # positions that a pool looks at, where that is unknown
UNFOLLOWED: Final = frozenset({"scale", "cat"})  # on the way: factors and partners that are not known
PLAIN: Final = frozenset({"weight", "kernel", "bias"})  # as torch and Keras call them
PLAIN_RECURRENT: Final = frozenset({"RNN", "RNNCell", "SimpleRNN", "SimpleRNNCell"})
CELLS: Final = {
    **dict.fromkeys(PLAIN_RECURRENT, "plain"),
    **dict.fromkeys(("LSTM", "LSTMCell", "CuDNNLSTM"), "lstm"),
    **dict.fromkeys(("GRU", "GRUCell", "CuDNNGRU"), "gru"),
}
GATES: Final = frozenset({"sigmoid", "tanh"})  # the activations of gated cells that the model has steps for
RECURRENT_STEPS: Final = 100


class Pools(NamedTuple):
    """The pools behind a layer together: of how many positions the largest goes on, or the mean, 0 without such a pool;
    and by what the strides of each kind divide the number of positions."""

    largest: int = 0
    largest_stride: int = 1
    mean: int = 0
    mean_stride: int = 1


class Link(NamedTuple):
    """A layer of a strand with what follows it."""

    layer: int
    dense: Dense
    activation: Activation | None
    pools: Pools = Pools()
    merged: float = 1.0  # positions that become one on the way to the next layer's outputs, pools aside


class Strand(NamedTuple):
    """Links in order, a layer as often as it stands for layers of a sampled loop. `turn` are the links of each further
    turn of a loop of unknown length, which stand after the first `at` links. The links of a recurrence are its steps,
    and have one matrix."""

    links: tuple[Link, ...]
    turn: tuple[Link, ...] = ()
    at: int = 0
    recurrence: Cell | None = None
    noise: bool = False  # whether the positions that are averaged are taken for independent

    @property
    def depth(self) -> int:
        return len(self.links)

    @property
    def members(self) -> frozenset[int]:
        return frozenset(link.layer for link in (*self.links, *self.turn))

    def headless(self) -> Strand:
        """The strand without its last layer, where that is in no loop."""
        return self if self.turn and self.at == self.depth else self._replace(links=self.links[:-1])

    def deepened(self, depth: int) -> Strand:
        """The strand as it is where its loop turns as often as it takes for so many layers."""
        turns = max(0, math.ceil((depth - len(self.links)) / len(self.turn)))
        return Strand((*self.links[: self.at], *self.turn * turns, *self.links[self.at :]), noise=self.noise)


# --- finding them -----------------------------------------------------------------------------------------------------


def strand_of(flow: Flow, index: int) -> Strand:
    """The strand through a layer; an empty one where its weights, or what follows it, are not known."""
    if flow.rows is None:
        members = [layer.index for layer in flow.context.layers if dense_of(layer) is not None]
        flow.rows = flow.runs(members, _followed)
    row = flow.rows.get(index, ())
    strand: Strand | None = flow.strands.get(id(row))
    if strand is None:  # one for all layers of a row
        strand = flow.strands[id(row)] = _strand(flow, row)
    if strand.depth > 1 and index != strand.links[-1].layer and bounded_head(flow, strand.links[-1].layer):
        before: Strand | None = flow.strands.get(-id(row))
        if before is None:
            before = flow.strands[-id(row)] = strand.headless()
        return before
    return strand


def strands_of(flow: Flow) -> list[Strand]:
    """The strands of a context, each once."""
    found: list[Strand] = []
    seen: set[int] = set()
    for layer in flow.context.layers:
        if layer.index not in seen:
            strand = strand_of(flow, layer.index)
            members = strand.members
            if members and members.isdisjoint(seen):
                found.append(strand)
            seen |= members
    return found


def bounded_head(flow: Flow, index: int) -> bool:
    """Whether the layer's outputs are the model's, bounded by tanh, sigmoid or the like: the actions of a policy. How
    large they start is a choice, as that of logits is."""
    edges = flow.after(index)
    kinds = {edge.activation and strengths.activation_kind(edge.activation.name) for edge in edges}
    return kinds == {"saturating"} and flow.position(index) == "head" and not flow.context.layers[index].repeated


def _strand(flow: Flow, row: Sequence[int]) -> Strand:
    links = []
    for position, member in enumerate(row):
        after = row[position + 1] if position + 1 < len(row) else None
        link = _link(flow, member, after)
        if link is None:
            return Strand(())
        links.append(link)
    return _looped(links, [flow.context.layers[i] for i in row])


def _looped(links: Sequence[Link], layers: Sequence[Layer]) -> Strand:
    """The strand of these links, in which a loop of unknown length, whose turns are known to follow each other because
    two of them do, has one turn."""
    loops = []
    for repeated, group in groupby(range(len(links)), lambda i: layers[i].repeated):
        run = list(group)
        period = _period([layers[i].place for i in run]) if repeated else None
        if period is not None:
            loops.append((run[0], period, run[-1] + 1))
    if len(loops) != 1:
        return Strand(tuple(links))
    start, period, end = loops[0]
    first, last = links[start : start + period], links[end - period : end]
    onward = first[-1]
    turn = (*last[:-1], last[-1]._replace(activation=onward.activation, pools=onward.pools, merged=onward.merged))
    if [link.dense for link in first] == [link.dense for link in last]:
        return Strand((*links[:start], *last, *links[end:]), turn, start)
    return Strand((*links[: start + period], *links[end:]), turn, start + period)


def _period(places: Sequence[Place]) -> int | None:
    """After how many layers those of a loop come again; None where only one turn of it is there."""
    whole = range(1, len(places) // 2 + 1)
    return next((p for p in whole if all(a == b for a, b in zip(places, places[p:]))), None)


def _followed(edge: Edge) -> bool:
    """Whether a strand can go on along an edge, or end in its activation."""
    if not UNFOLLOWED.isdisjoint(edge.path):
        return False
    if edge.activation is None:
        return edge.target >= 0
    return strengths.followed(edge.activation)


def _link(flow: Flow, member: int, after: int | None) -> Link | None:
    dense = dense_of(flow.context.layers[member])
    edges = [edge for edge in flow.after(member) if _followed(edge)]
    if after is not None and after != member:
        edges = [edge for edge in edges if edge.target == after] or edges
    if dense is None or not edges:
        return None
    edge = next((edge for edge in edges if edge.activation is not None), edges[0])
    if after is None:
        return Link(member, dense, edge.activation)
    layers = flow.context.layers
    return Link(member, dense, edge.activation, _pools(edge), _merged(layers[member], layers[after]))


def _pools(edge: Edge) -> Pools:
    """A mean over a number of positions that is not known counts as none: it may be of one."""
    largest = [pool for pool in edge.pools if pool.kind != "mean"]
    means = [pool for pool in edge.pools if pool.kind == "mean" and pool.positions]
    return Pools(*_together(largest), *_together(means))


def _together(pools: Sequence[Pool]) -> tuple[int, int]:
    sizes = [pool.positions or POOLED for pool in pools]
    strides = [pool.stride or size for pool, size in zip(pools, sizes)]
    return (math.prod(sizes) if sizes else 0), math.prod(strides)


def _merged(layer: Layer, after: Layer) -> float:
    """Positions of a layer's outputs for each of the next one's, by the stride of that one, or because all of them are
    flattened into its inputs."""
    if after.dilution > 1:
        return 1 / after.dilution if "Transpose" in after.kind else after.dilution
    units, inputs = outputs_of(layer), after.fan_in
    flat = after.kernel is not None and len(after.kernel.shape or ()) == 2
    spatial = layer.kernel is not None and len(layer.kernel.shape or ()) > 2
    return inputs / units if flat and spatial and units and inputs and inputs % units == 0 else 1.0


def outputs_of(layer: Layer) -> int | None:
    """Units (channels) that a layer makes."""
    kernel = layer.kernel
    shape = (kernel.shape if kernel else None) or ()
    if kernel is None or len(shape) < 2:
        return None
    if kernel.name == "kernel":  # Keras has the outputs last
        shape = shape[::-1]
    return shape[1 if "Transpose" in layer.kind else 0]


def dense_of(layer: Layer) -> Dense | None:
    """The map that a layer is, whichever way it is made; None where that is unknown, differs, or it is no such map."""
    kernel = layer.kernel
    if kernel is None or kernel.role == "embedding" or not _is_plain(layer):
        return None
    if any(history and not history[-1].covers for history in kernel.histories):
        return None  # a part was written, or all of it changed in a way that no law follows
    found = {_dense(layer, kernel, event) for event in kernel.effective()}
    return found.pop() if len(found) == 1 else None


def _is_plain(layer: Layer) -> bool:
    if layer.kind == "Parameter":
        return layer.kernel is not None and layer.kernel.shape is not None and len(layer.kernel.shape) == 2
    return {weight.name for weight in layer.weights} <= PLAIN


def _dense(layer: Layer, kernel: Weight, event: InitEvent | None) -> Dense | None:
    law = None if event is None or event.name == "unknown" else strengths.law(kernel, event)
    ratio = None if event is None or law is None else strengths.variance_ratio(layer, kernel, event)
    if event is None or law is None or ratio is None:
        return None
    fan_in, fan_out, _ = strengths.fans(kernel)
    true_in, true_out = layer.fan_in or fan_in, layer.fan_out or fan_out
    if law.mean and true_in is None:
        return None
    here, back = strided(layer, true_in or NOMINAL, true_out or true_in or NOMINAL)
    second = ratio / here + law.mean**2
    sparsity = event.argument("sparsity")
    return Dense(
        second,
        here,
        back,
        _bias(layer, here),
        law.mean,
        law.distribution,
        here,
        outputs_of(layer) or back,
        1 - sparsity if isinstance(sparsity, float) and law.distribution == "sparse" else 1.0,
    )


def strided(layer: Layer, fan_in: int, fan_out: int) -> tuple[int, int]:
    """The fans of a layer with its stride: each entry is in fewer sums, or each sum of a transposed convolution has
    fewer entries."""
    thinned = strengths.thinning(layer)
    return max(1, round(fan_in / thinned)), max(1, round(fan_out * thinned / layer.dilution))


def _bias(layer: Layer, fan_in: int) -> float:
    """Mean square of the biases; torch's default where it is not known."""
    bias = next((weight for weight in layer.weights if weight.role == "bias"), None)
    if bias is None:
        return 0.0
    laws = {None if e is None or e.name == "unknown" else strengths.law(bias, e) for e in bias.effective()}
    found = laws.pop() if len(laws) == 1 else None
    second = None if found is None else found.second_moment(None, None)
    return 1 / (3 * fan_in) if second is None else second


def recurrence(
    layer: Layer, weight: Weight, event: InitEvent, internal: frozenset[str] | None, forget: float | None
) -> Strand:
    """A hundred steps of a recurrent network without input: its matrix, or one for each gate, and its activation, again
    and again. `forget` is what its biases add to an LSTM's forget gate."""
    ratio, kind = strengths.variance_ratio(layer, weight, event), CELLS.get(layer.kind, "")
    gated = kind in ("lstm", "gru")
    if not kind or ratio is None or not internal or (internal != GATES if gated else len(internal) > 1):
        return Strand(())
    if kind == "lstm" and forget is None:
        return Strand(())
    law = strengths.law(weight, event)
    units = weight.shape[1] if weight.shape is not None and len(weight.shape) > 1 and weight.shape[1] else NOMINAL
    if gated and weight.shape is not None and weight.name.endswith("recurrent_kernel"):
        units = weight.shape[0] or NOMINAL  # Keras has the gates last
    mean, distribution = (0.0, "normal") if law is None else (law.mean, law.distribution)
    bias = _drawn_bias(layer, weight.name) if gated else 0.0
    dense = Dense(ratio / units, units, units, bias, mean, distribution)
    cell = Cell(kind, forget or 0.0 if kind == "lstm" else 0.0, advice=gated and not event.explicit)
    activation = Activation("tanh" if gated else min(internal))
    return Strand((Link(layer.index, dense, activation),) * RECURRENT_STEPS, recurrence=cell)


def _drawn_bias(layer: Layer, matrix: str) -> float:
    """Variance of the random biases that the gates of one matrix have, over both vectors of torch."""
    suffix = matrix[len("weight_hh") :] if matrix.startswith("weight_hh") else ""
    return sum(
        _variance(bias, layer.fan_out or NOMINAL)
        for bias in layer.weights
        if bias.role == "bias" and bias.name.endswith(suffix)
    )


def _variance(bias: Weight, units: int) -> float:
    laws = {None if e is None or e.name == "unknown" else strengths.law(bias, e) for e in bias.effective()}
    found = laws.pop() if len(laws) == 1 else None
    second = None if found is None else found.second_moment(None, None)
    if found is None or second is None:  # torch's own, for a width that is not known
        return 1 / (3 * units) if bias.default == "uniform" else 0.0
    return second - found.mean**2


def positions(strand: Strand) -> float:
    """Positions of the first layer's outputs for each of the last one's: over so many more its weights' gradient is a
    sum. Those of a mean get equal gradients, so that each counts as often as they are, where they are alike."""
    found = 1.0
    for link in strand.links[:-1]:
        alike = 1 if strand.noise else link.pools.mean_stride
        found *= link.pools.largest_stride * link.pools.mean_stride * alike * link.merged
    return found


def averages(strand: Strand) -> bool:
    """Whether a mean over positions is taken on the way, so that it matters how alike they are."""
    return any(link.pools.mean > 1 for link in strand.links[:-1])


def network_of(strand: Strand) -> tuple[Step, ...]:
    """How alike the positions of a pool are is not known: those of photographs are more than those of noise. A maximum
    is taken as if they were independent: at most it is as large. A mean is like each of its positions where they are
    alike, which is taken for granted but where `noise` says that they are independent."""
    build = Builder()
    for link in strand.links:
        build.dense(link.dense)
        if link.activation is not None:
            build.activation(link.activation.name, link.activation.parameter, link.activation.composed)
        if link.pools.largest:
            build.pool("max", link.pools.largest, link.pools.largest_stride)
        if link.pools.mean and strand.noise:
            build.pool("mean", link.pools.mean, link.pools.mean_stride)
    return build.network()
