"""Facts that contexts have in common, kept once: the models of a library repeat each other's layers.

Equal is not enough: 20 and 20.0 are told differently.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeVar

from initlint.graph import Context, Edge, History, InitEvent, Layer, Node, Sweep, Weight

Part = TypeVar("Part", str, "tuple[int, ...]", "tuple[str, ...]", "tuple[str, ...] | None")

MOST: Final = 60_000  # facts to compare with: what repeats stands near to what it repeats


class Facts:
    """The facts of the last contexts, by what makes them the same."""

    __slots__ = ("edges", "events", "histories", "nodes", "parts", "sweeps", "weights")

    def __init__(self) -> None:
        self.parts: dict[object, object] = {}  # names, and tuples of names or of indices
        self.events: dict[object, InitEvent] = {}
        self.histories: dict[object, History] = {}
        self.weights: dict[object, Weight] = {}
        self.nodes: dict[object, Node] = {}
        self.edges: dict[Edge, Edge] = {}
        self.sweeps: dict[Sweep, Sweep] = {}

    def context(self, context: Context) -> Context:
        """The same context, made of facts that are there already where it can be."""
        tables: tuple[dict[Any, Any], ...]
        tables = (self.parts, self.edges, self.sweeps, self.nodes, self.weights, self.histories, self.events)
        if sum([len(table) for table in tables]) > MOST:
            for table in tables:
                table.clear()  # all of them, for keys name facts by their identity
        return replace(
            context,
            layers=tuple([self.layer(layer) for layer in context.layers]),
            nodes=tuple([self.node(node) for node in context.nodes]),
            edges=tuple([self.edge(edge) for edge in context.edges]),
            sweeps=tuple([self.sweep(sweep) for sweep in context.sweeps]),
        )

    def layer(self, layer: Layer) -> Layer:
        return replace(
            layer,
            name=self.part(layer.name),
            weights=tuple([self.weight(weight) for weight in layer.weights]),
            activations=self.part(layer.activations),
            unknown=self.part(layer.unknown),
        )

    def part(self, part: Part) -> Part:
        return self.parts.setdefault(part, part)  # type: ignore[return-value]

    def weight(self, weight: Weight) -> Weight:
        histories = tuple([self.history(history) for history in weight.histories])
        told = repr(
            (weight.name, weight.role, weight.shape, weight.trainable, weight.memory, weight.default, weight.fans)
        )
        key = (told, weight.place, tuple([id(history) for history in histories]))
        known = self.weights.get(key)
        if known is None:
            known = self.weights[key] = replace(weight, histories=histories)
        return known

    def history(self, history: History) -> History:
        events = tuple([self.event(event) for event in history])
        return self.histories.setdefault(tuple([id(event) for event in events]), events)

    def event(self, event: InitEvent) -> InitEvent:
        told = repr((event.args, event.factor, event.part, event.fan))
        return self.events.setdefault((event, event.spans, told), event)

    def node(self, node: Node) -> Node:
        if node.composed is not None or node.choice is not None:
            return node
        key = (node, repr(node.parameter)) if node.parameter is not None else node
        known = self.nodes.get(key)
        if known is None:
            known = self.nodes[key] = node.fed_by(self.part(node.inputs))
        return known

    def edge(self, edge: Edge) -> Edge:
        return edge if edge.activation is not None or edge.pools else self.edges.setdefault(edge, edge)

    def sweep(self, sweep: Sweep) -> Sweep:
        return self.sweeps.setdefault(sweep, sweep)
