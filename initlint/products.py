"""Products both of whose factors are zero: neither gets a gradient, since each one's is multiplied with the other.

A low-rank adapter multiplies its two matrices, a gate its branch. One of the two has to start away from zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint.findings import Site
from initlint.parameters import is_vector
from initlint.silence import MULTIPLIES, silent_nodes, zero_kernel
from initlint.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import InitEvent, Layer, Node, Weight
    from initlint.source import Place


@dataclass(frozen=True, slots=True)
class Product(Subject):
    """Two weights that are both zero and are multiplied with each other; `later` is the one zeroed last."""

    flow: Flow
    earlier: tuple[Layer, Weight, InitEvent]
    later: tuple[Layer, Weight, InitEvent]

    @property
    def place(self) -> Place:
        layer, _, event = self.later
        return event.place or layer.place

    @property
    def site(self) -> Hashable:
        return (self.earlier[0].place, self.later[0].place)

    @property
    def marks(self) -> frozenset[Hashable]:
        return frozenset((layer.place, weight.name) for layer, weight, _ in (self.earlier, self.later))

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(layer.name, layer.place, "layer") for layer, _, _ in (self.earlier, self.later))

    @property
    def related(self) -> tuple[Site, ...]:
        _, _, event = self.earlier
        return (Site(self.first, event.place, "zeroed here"),) if event.place else ()

    @property
    def first(self) -> str:
        return self.earlier[0].name

    @property
    def second(self) -> str:
        return self.later[0].name

    @property
    def chosen(self) -> tuple[Layer, Weight, InitEvent]:
        """The factor that is to start away from zero: a gate, else the first map of the branch."""
        gates = [one for one in (self.earlier, self.later) if one[0].kind == "Parameter" and is_vector(one[1])]
        return gates[0] if gates else self.earlier

    @property
    def trainable(self) -> bool:
        """Whether both are trained. A frozen zero factor is a choice, and so is a frozen partner."""
        return all(weight.trainable is True for _, weight, _ in (self.earlier, self.later))


def products(flow: Flow) -> Iterator[Product]:
    """The zero products of a context, each pair once."""
    nodes = flow.context.nodes
    if not any(map(zero_kernel, flow.context.layers)):
        return
    silent = silent_nodes(flow)
    seen: set[tuple[int, int]] = set()
    for node in nodes:
        before = [culprit for i in node.inputs if i in silent and (culprit := _culprit(flow, i, silent, node)) >= 0]
        factors: list[int] = []
        if node.op in MULTIPLIES:
            factors = before
        elif _own_factor(flow, node):
            factors = [*before, node.layer]
        pair = tuple(dict.fromkeys(factors))[:2]
        if len(pair) == 2 and pair not in seen:
            seen.add(pair)
            product = _product(flow, *pair)
            if product is not None:
                yield product


def _own_factor(flow: Flow, node: Node) -> bool:
    """Whether the step's own weight is a zero factor: a raw parameter that scales, a layer at the end of a branch."""
    if node.layer < 0 or not zero_kernel(flow.context.layers[node.layer]):
        return False
    return node.op == "scale" or (node.op == "layer" and flow.position(node.layer) == "branch")


def _product(flow: Flow, a: int, b: int) -> Product | None:
    sides = []
    for index in (a, b):
        layer = flow.context.layers[index]
        kernel = layer.kernel
        event = next((e for e in kernel.effective() if e is not None), None) if kernel else None
        if kernel is None or event is None:
            return None
        sides.append((layer, kernel, event))
    first, second = sorted(sides, key=lambda side: _when(side[2]))
    return Product(flow, first, second)


def _when(event: InitEvent) -> tuple[tuple[int, int], ...]:
    """Orders events by the lines of the calls that led to them, outermost first."""
    places = (*event.calls, *([event.place] if event.place else ()))
    return tuple((p.span.start.line, p.span.start.column) for p in places)


def _culprit(flow: Flow, index: int, silent: frozenset[int], user: Node) -> int:
    """The layer that makes the node zero for the step that uses it; -1 when there is none. Layers are multiplied with
    each other where no activation stands between them."""
    while True:
        node = flow.context.nodes[index]
        scales = node.op != "shift" and node.layer >= 0 and zero_kernel(flow.context.layers[node.layer])
        if node.op == "layer" or scales:
            return node.layer
        if node.op == "activation" and user.op == "layer":
            return -1
        before = [i for i in node.inputs if i in silent and i < index]
        if not before:
            return -1
        index = before[0]
