"""Data flow after the fact: what consumes each layer's output, and through what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from initlint.graph import ATTENTION, DATA, GATE, MERGE, OUTPUT, UNKNOWN, Activation, Edge, Node, Pool
from initlint.tables import POOLS

Label = tuple[str, bool, bool]  # (activation or kind of consumer, a norm stands between, a product of data too)
MOST_EDGES = 40  # from one layer
SUMS = frozenset({"sum", "reduce_sum", "nansum"})
CAP = "tanh before softmax"


def consumers(nodes: Sequence[Node]) -> list[list[int]]:
    """For each node, the nodes that take it as input."""
    result: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in node.inputs:
            result[source].append(index)
    return result


def reach(nodes: Sequence[Node], used_by: Sequence[Sequence[int]]) -> list[frozenset[Label]]:
    """For each node, what its values end at: activations, `linear`, `attention`, `output`, `?`.

    Inputs always come before what uses them, so one walk backwards is enough.
    """
    found: list[frozenset[Label]] = [frozenset()] * len(nodes)
    for index in range(len(nodes) - 1, -1, -1):
        labels: set[Label] = set()
        for user in used_by[index]:
            node = nodes[user]
            if node.op == "activation":
                capped = node.name == "tanh" and {name for name, _, _ in found[user]} == {"softmax"}
                labels.add((CAP if capped else node.name, False, False))
            elif node.op == "layer":
                labels.add(("linear", False, False))
            elif node.op in ("attention", "output"):
                labels.add((node.op, False, False))
            elif node.op == "unknown":
                labels.add(("?", False, False))
            elif node.op == "norm":
                labels.update((name, True, product) for name, _, product in found[user])
            elif node.op == "matmul":
                labels.update((name, normed, True) for name, normed, _ in found[user])
            else:
                labels |= found[user]
        found[index] = frozenset(labels)
    return found


def activation_label(label: Label) -> str:
    """A softmax over a product of data with data is attention; other products (correlation volumes,
    similarities) are ways like any other. A tanh before the softmax bounds the scores (softcapping)."""
    if label[0] == CAP:
        return "attention" if label[2] else "tanh"
    return "attention" if label[0] == "softmax" and label[2] else label[0]


def summed(nodes: Sequence[Node], used_by: Sequence[Sequence[int]], start: int) -> bool:
    """Whether what comes from a step is added up over one of its axes, with nothing but factors and biases between."""
    stack, seen = [start], {start}
    while stack:
        for user in used_by[stack.pop()]:
            node = nodes[user]
            if node.op == "pool" and node.name in SUMS:
                return True
            if node.op in ("scale", "shift", "dropout") and user not in seen:
                seen.add(user)
                stack.append(user)
    return False


def edges(nodes: Sequence[Node], used_by: Sequence[Sequence[int]], layer_at: Mapping[int, int]) -> tuple[Edge, ...]:
    """The ways between layers, no other layer in between; sums and products end a way and begin new ones."""
    found: dict[Edge, None] = {}
    for index, node in enumerate(nodes):
        if node.op == "layer":
            start = layer_at.get(index, UNKNOWN)
        elif node.op == "input":
            start = DATA
        elif node.op == "unknown":
            start = UNKNOWN
        elif node.op == "add" and len(node.inputs) > 1:
            start = MERGE
        elif node.op in ("mul", "matmul") and len(node.inputs) > 1:
            start = GATE
        elif node.op == "attention":
            start = ATTENTION
        else:
            continue
        walk(nodes, used_by, layer_at, index, start, found)
    return tuple(found)


def walk(
    nodes: Sequence[Node],
    used_by: Sequence[Sequence[int]],
    layer_at: Mapping[int, int],
    index: int,
    start: int,
    found: dict[Edge, None],
) -> None:
    seen: set[tuple[int, str, bool]] = set()
    stack: list[tuple[int, Activation | None, tuple[str, ...], tuple[Pool, ...]]] = [(index, None, (), ())]
    count = 0
    while stack and count < MOST_EDGES:
        current, activation, path, pools = stack.pop()
        for user in used_by[current]:
            node = nodes[user]
            target = None
            if node.op == "layer":
                target = layer_at.get(user, UNKNOWN)
            elif node.op == "output":
                target = OUTPUT
            elif node.op == "unknown":
                target = UNKNOWN
            elif node.op in ("attention", "matmul"):
                target = ATTENTION
            elif node.op == "add" and len(node.inputs) > 1:
                target = MERGE
            elif node.op == "mul" and len(node.inputs) > 1:
                target = GATE
            if target is not None:
                found[Edge(start, target, activation, path, pools)] = None
                count += 1
                continue
            now, way, windows = activation, path, pools
            if node.op == "activation":
                now = activation or Activation(node.name, node.place, node.parameter, node.composed)
                way = (*path, "activation")
            elif node.op in ("norm", "cat", "pool", "dropout", "scale"):
                way = path if path[-1:] == (node.op,) else (*path, node.op)
            if node.op == "pool":
                kind = node.name if node.name in POOLS else ""
                windows = (*pools, Pool(kind, _whole(node.parameter), node.stride))
            mark = (user, now.name if now else "", "norm" in way)
            if mark not in seen:
                seen.add(mark)
                stack.append((user, now, way, windows))


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
