"""What a layer's place in the data flow says: what feeds it, what it ends in, how long the run is that it stands in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from initlint.graph import ATTENTION, DATA, GATE, MERGE, OUTPUT, UNKNOWN, Context, Edge, Layer
from initlint.source import Place

JOINS = (MERGE, GATE, ATTENTION)
MEETS = frozenset({"add", "mul", "cat"})  # where another branch comes in
RAW = "Parameter"  # the kind of a layer that is a matrix of the module's own
SLOPED = frozenset({"tanh", "softsign", "sigmoid", "silu", "gelu", "mish", "elu", "selu", "celu"})  # not flat at zero
BREAKS = frozenset({"norm", "add", "mul"})  # what resets or mixes the signal, so that a run ends there


@dataclass(slots=True)
class Flow:
    """The edges of one context, by source and by target."""

    context: Context
    outgoing: Mapping[int, tuple[Edge, ...]] = field(init=False)
    incoming: Mapping[int, tuple[Edge, ...]] = field(init=False)
    silent: frozenset[int] | None = None  # nodes that are zero at the start, once silence.py has looked
    rows: Mapping[int, tuple[int, ...]] | None = None  # the longest rows of known layers, once strands.py has looked
    strands: dict[int, Any] = field(default_factory=dict)  # what it made of each row, by the row's identity

    def __post_init__(self) -> None:
        out: defaultdict[int, list[Edge]] = defaultdict(list)
        into: defaultdict[int, list[Edge]] = defaultdict(list)
        for edge in self.context.edges:
            out[edge.source].append(edge)
            into[edge.target].append(edge)
        self.outgoing = {key: tuple(edges) for key, edges in out.items()}
        self.incoming = {key: tuple(edges) for key, edges in into.items()}

    def after(self, index: int) -> tuple[Edge, ...]:
        return self.outgoing.get(index, ())

    def before(self, index: int) -> tuple[Edge, ...]:
        return self.incoming.get(index, ())

    def position(self, index: int) -> str | None:
        """Where the layer stands: alone (the one map from data to output), head (its output is the model's), branch
        (it ends in a sum, a product, a concatenation or attention with another branch), hidden (other layers read
        it). None where no flow reaches it or a part of it could not be followed."""
        edges = self.after(index)
        targets = {edge.target for edge in edges}
        if not edges or UNKNOWN in targets:
            return None
        if not targets.isdisjoint(JOINS) or not all(MEETS.isdisjoint(edge.path) for edge in edges):
            return "branch"
        if any(target >= 0 for target in targets):
            adapts = self._adapts(index)
            return None if adapts is None else "branch" if adapts else "hidden"
        sources = {edge.source for edge in self.before(index)}
        return "alone" if sources == {DATA} else "head"

    def _adapts(self, index: int) -> bool | None:
        """Whether nothing but linear maps stands between the layer and the ends of branches: the first factor of an
        adapter's product. Between raw matrices, and in the narrow middle of a low-rank pair, there may be an activation
        that passes a gradient at zero. None where what becomes of the product, or how narrow it is, is not known."""
        layers = self.context.layers
        certain = True
        seen, waiting = {index}, [index]
        while waiting:
            edges = self.after(waiting.pop())
            for edge in edges:
                if edge.target in JOINS or not MEETS.isdisjoint(edge.path):
                    continue
                if edge.target == UNKNOWN:
                    return None
                if edge.target < 0 or edge.norm or edge.target in seen:
                    return False
                if edge.activation is not None:
                    narrow = _low_rank(layers[edge.source], layers[edge.target])
                    if narrow is False or edge.activation.name not in SLOPED:
                        return False
                    certain = certain and narrow is True
                seen.add(edge.target)
                waiting.append(edge.target)
            if not edges:
                return None
        return certain or None

    def runs(self, members: Collection[int], follows: Callable[[Edge], bool]) -> dict[int, tuple[int, ...]]:
        """For each of `members` that is followed by an edge which `follows` accepts (its activation is one that
        counts), with no norm and no join on the way: the longest row of such members through it, in order, each as
        often as it stands for layers of a sampled loop."""
        copies = {i: self.context.layers[i].copies for i in members}
        onward = {
            i: [e.target for e in self._plain(i) if BREAKS.isdisjoint(e.path) and follows(e)] for i in sorted(members)
        }
        counted = {i for i, targets in onward.items() if targets}
        steps = {i: sorted({t for t in onward[i] if t in counted and t != i}) for i in counted}
        backward: dict[int, list[int]] = {i: [] for i in counted}
        for i, targets in steps.items():
            for target in targets:
                backward[target].append(i)
        ahead, behind = _farthest(steps, copies), _farthest(backward, copies)
        rows: dict[int, tuple[int, ...]] = {}
        for i in counted:
            if i in rows:
                continue
            row = (*_followed(i, behind)[:0:-1], *_followed(i, ahead))
            rows[i] = self._repeated(row, copies)
            if all(ahead.get(a) == b and behind.get(b) == a for a, b in pairwise(row)):
                rows.update(dict.fromkeys(row, rows[i]))  # a plain line is the row of all its members
        return rows

    def _plain(self, index: int) -> Iterable[Edge]:
        """The ways on, but for those to a layer that another way leads to through a norm: which one is taken is not
        known."""
        edges = self.after(index)
        normed = {edge.target for edge in edges if edge.norm and edge.target >= 0}
        return (edge for edge in edges if edge.target not in normed)

    def _repeated(self, row: Sequence[int], copies: Mapping[int, int]) -> tuple[int, ...]:
        """The row with each layer as often as it stands for others. It does so only where another turn of its loop
        is in the row too: then the turns that were left out stand between them. Layers at one place that all stand
        for equally many are no turns of one loop: the whole row is there that often."""
        if all(copies[i] == 1 for i in row):
            return tuple(row)
        fewest: dict[Place, int] = {}
        for i in row:
            place = self.context.layers[i].place
            fewest[place] = min(copies[i], fewest.get(place, copies[i]))
        return tuple(i for i in row for _ in range(copies[i] // fewest[self.context.layers[i].place]))

    def chain(self, index: int, length: int) -> list[Edge]:
        """The edges of one way on from `index`: at each layer the first that leads to another layer, at most
        `length` of them; the last may lead to the output."""
        edges: list[Edge] = []
        seen = {index}
        while len(edges) < length:
            onward = self.after(index)
            edge = next((e for e in onward if e.target >= 0 and e.target not in seen), None)
            if edge is None:
                edge = next((e for e in onward if e.target == OUTPUT), None)
                return edges if edge is None else [*edges, edge]
            edges.append(edge)
            seen.add(edge.target)
            index = edge.target
        return edges


def _farthest(steps: Mapping[int, Sequence[int]], copies: Mapping[int, int]) -> dict[int, int]:
    """For each node the next one on the longest way that leads on from it, where there is one; a node counts as often
    as it has copies. A node on a cycle, or leading into one, has none: a layer applied again and again is no row of
    layers."""
    waiting = {node: len(targets) for node, targets in steps.items()}
    into: defaultdict[int, list[int]] = defaultdict(list)
    for node, targets in steps.items():
        for target in targets:
            into[target].append(node)
    depths = {node: copies[node] for node in steps}
    following: dict[int, int] = {}
    ready = [node for node, count in waiting.items() if not count]
    while ready:
        node = ready.pop()
        for previous in into[node]:
            if depths[previous] < depths[node] + copies[previous]:
                depths[previous] = depths[node] + copies[previous]
                following[previous] = node
            waiting[previous] -= 1
            if not waiting[previous]:
                ready.append(previous)
    return {node: after for node, after in following.items() if not waiting[node]}


def _followed(node: int, following: Mapping[int, int]) -> list[int]:
    way = [node]
    while way[-1] in following:
        way.append(following[way[-1]])
    return way


def _low_rank(first: Layer, second: Layer) -> bool | None:
    """Whether two layers are the factors of a matrix of low rank: raw ones, or such that the middle is narrower than
    both ends. None where a size is not known."""
    if first.kind == second.kind == RAW:
        return True
    if first.fan_in is None or first.fan_out is None or second.fan_out is None:
        return None
    return first.fan_out < min(first.fan_in, second.fan_out)
