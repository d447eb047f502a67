"""What disturbs a chain of SELU layers: plain dropout, and norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from initlint.subject import Subject

if TYPE_CHECKING:
    from initlint.chains import Flow
    from initlint.graph import Node
    from initlint.source import Place

SELU: Final = "selu"
CHAIN: Final = 2  # SELU steps that make one
PASSING: Final = frozenset(
    {"dropout", "pool", "norm", "scale", "shift", "shape", "either"}
)  # part of the way between layers


@dataclass(frozen=True, slots=True)
class Disturbance(Subject):
    """A dropout or a norm, with what stands around it."""

    flow: Flow
    node: Node
    between: frozenset[str]  # what its input comes from: activations, or `layer`
    towards: frozenset[str]  # what its output leads to: the same

    @property
    def place(self) -> Place:
        assert self.node.place is not None  # gathered only where it is known
        return self.node.place

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def op(self) -> str:
        return self.node.op

    @property
    def plain(self) -> bool:
        """Whether it is a dropout that sets units to 0, or a norm: not AlphaDropout, and no dropped branch."""
        name = self.name.casefold().replace("_", "")
        return self.op == "norm" or name.startswith(("dropout", "featuredropout", "spatialdropout"))

    @property
    def rate(self) -> float | None:
        """What a dropout drops; 1 for a norm, which acts on all."""
        return 1.0 if self.op == "norm" else self.node.parameter

    @property
    def chained(self) -> bool:
        """Whether it stands between SELU and the next layer, or between a layer and its SELU, in a chain of them."""
        count = sum(node.op == "activation" and node.name == SELU for node in self.flow.context.nodes)
        after = self.between == {SELU} and "layer" in self.towards
        before = self.op == "norm" and self.between == {"layer"} and self.towards == {SELU}
        return count >= CHAIN and (after or before)

    @property
    def effect(self) -> str:
        """What it does there, for a message."""
        if self.op == "norm":
            return "sets mean and variance anew at every layer, which selu is there to make needless"
        rate = self.rate
        if rate is None or not 0 < rate < 1:
            return "sets units to 0, which moves the mean and variance that selu keeps"
        return f"sets units to 0, which multiplies the variance that selu keeps at 1 by {1 / (1 - rate):.3g}"


def disturbances(flow: Flow) -> Iterator[Disturbance]:
    """The dropouts and norms of a context that has SELU."""
    nodes = flow.context.nodes
    if not any(node.op == "activation" and node.name == SELU for node in nodes):
        return
    users: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in node.inputs:
            users[source].append(index)
    for index, node in enumerate(nodes):
        if node.op in ("dropout", "norm") and node.place is not None:
            between = _ends(index, nodes, lambda i: nodes[i].inputs)
            yield Disturbance(flow, node, between, _ends(index, nodes, lambda i: tuple(users[i])))


def _ends(start: int, nodes: tuple[Node, ...], onward: Callable[[int], tuple[int, ...]]) -> frozenset[str]:
    """What the ways from a node lead to, past what only passes on."""
    found: set[str] = set()
    seen = {start}
    waiting = list(onward(start))
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        node = nodes[index]
        if node.op in PASSING:
            waiting += onward(index)
        else:
            found.add(node.name if node.op == "activation" else node.op)
    return frozenset(found)
