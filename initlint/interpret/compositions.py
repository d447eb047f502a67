"""Activations that code composes itself, as x * sigmoid(1.702 * x): found in the data flow, and computed with NumPy.

Whatever form they have (a function, a lambda, a small module, an expression in `forward`), executing them leaves the
same steps. Where every way into a sum or product leads back, through steps on single entries alone, to one step, all of
them together are a function of one number. It is evaluated from a closed list of operations; nothing of the project's
code runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from initlint.formulas import COMPOSED, EXTREMES, Composed, Operation, curve_of, evaluated, operation
from initlint.graph import Node

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

JOINS: Final = frozenset({"mul", "add"})
STEPS: Final = frozenset({"activation", "scale", "shift", *JOINS})  # on single entries
LAYERS: Final = frozenset({"layer", "norm", "dropout", "input", "pool"})
MOST_STEPS: Final = 24
MOST_KEPT: Final = 512  # compositions: a project has few, and each at many places
CLOSE: Final = 2e-3  # largest difference from an activation that counts as this one; GELU's tanh form is off by 5e-4
CANDIDATES: Final = (
    "silu gelu mish hardswish softplus relu tanh sigmoid hardsigmoid softsign tanhshrink relu6 selu elu".split()
)
FAR: Final = 8.0  # up to where functions are compared: beyond relu6's bound
SHOWN: Final = 70  # characters
ENDS: Final = (-30.0, -15.0, 15.0, 30.0)
LEVEL: Final = 0.2  # how far from a line through zero what lies far away may be
BOUNDED: Final = 3.0  # what a saturating one stays below
CURVED: Final = frozenset("abs sqrt rsqrt log log1p expm1 erf pow rpow reciprocal sign clamp_min clamp_max".split())


def composed(nodes: Sequence[Node], torn: frozenset[int]) -> list[Node]:
    """The nodes, with one activation in place of the steps of each composition. `torn` are nodes whose inputs are
    rearranged or cut parts of what they come from: not the same entries."""
    candidates = [i for i, node in enumerate(nodes) if joins(node) or rectifies(node, nodes)]
    stretched = stretches(nodes)
    if not candidates and not stretched:
        return list(nodes)
    made = list(nodes)
    inside: set[int] = set()
    users: dict[int, list[int]] = {}
    for index in reversed(candidates):
        region = None if index in inside else reached(index, nodes, torn)
        if region is None:
            continue
        users = users or users_of(nodes)
        source, steps = behind(*region, nodes, torn, users)
        if not any(curves(nodes[i]) for i in steps):
            continue
        end = scaled(index, nodes, users)
        steps |= chain(index, end, users)
        whole = replaced(nodes, end, source, steps)
        if whole is not None:
            made[end] = whole
            inside |= steps
    for index in stretched:
        users = users or users_of(nodes)
        if index in inside or index in torn:
            continue
        source, end, steps = around(index, nodes, torn, users)
        if any(nodes[user].op in JOINS and len(nodes[user].inputs) > 1 for user in users.get(end, [])):
            continue  # a gate, or a branch that is damped
        whole = replaced(nodes, end, source, steps) if inside.isdisjoint(steps) else None
        if whole is not None and whole.composed is not None:  # it keeps its name
            made[end] = replace(whole, name=nodes[index].name, place=nodes[index].place)
            inside |= steps
    if inside:
        unlink(made, nodes, inside)
    return made


def users_of(nodes: Sequence[Node]) -> dict[int, list[int]]:
    """Which steps read each one."""
    found: dict[int, list[int]] = {}
    for i, node in enumerate(nodes):
        for source in node.inputs:
            found.setdefault(source, []).append(i)
    return found


def stretches(nodes: Sequence[Node]) -> list[int]:
    """Activations with a factor or a shift before or after them: 1.7159 * tanh(2 / 3 * x)."""
    found = set()
    for i, node in enumerate(nodes):
        if node.op == "activation" and any(by_number(nodes[j]) for j in node.inputs):
            found.add(i)
        if by_number(node):
            found.update(j for j in node.inputs if nodes[j].op == "activation")
    return sorted(found)


def by_number(node: Node) -> bool:
    """Whether a step multiplies with a number that is known and not learned, or adds one."""
    number = node.op in ("scale", "shift") and node.parameter is not None and node.name != "parameter"
    return number and node.name not in CURVED and node.parameter != (0 if node.op == "shift" else 1)


def around(
    index: int, nodes: Sequence[Node], torn: frozenset[int], users: Mapping[int, list[int]]
) -> tuple[int, int, set[int]]:
    """What the factors and shifts before an activation start from, the last of those after it, where nothing else reads
    what is between; and all these steps."""
    steps = {index}
    source, end = nodes[index].inputs[0], index
    while by_number(nodes[source]) and source not in torn and len(users[source]) == 1:
        steps.add(source)
        source = nodes[source].inputs[0]
    while len(after := users.get(end, [])) == 1 and by_number(nodes[after[0]]) and after[0] not in torn:
        end = after[0]
        steps.add(end)
    return source, end, steps


def joins(node: Node) -> bool:
    """Whether a step makes one entry of several."""
    return node.op in JOINS or node.choice is not None or (node.op == "cat" and node.name in EXTREMES)


def rectifies(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether a step is a relu by another name: what a layer gives, cut at zero."""
    cut = node.op == "scale" and node.name == "clamp_min" and node.parameter == 0
    return cut and all(nodes[i].op in LAYERS for i in node.inputs)


def reached(index: int, nodes: Sequence[Node], torn: frozenset[int]) -> tuple[int, set[int]] | None:
    """The nearest step that all ways into a node come from, and the steps between, it included."""
    steps: set[int] = set()
    frontier = {index}
    while len(frontier) > 1 or not steps:
        latest = max(frontier)
        node = nodes[latest]
        if (node.op not in STEPS and not joins(node)) or latest in torn or not node.inputs or len(steps) == MOST_STEPS:
            return None
        frontier.remove(latest)
        frontier.update(node.inputs)
        steps.add(latest)
    return frontier.pop(), steps


def behind(
    source: int, steps: set[int], nodes: Sequence[Node], torn: frozenset[int], users: Mapping[int, list[int]]
) -> tuple[int, set[int]]:
    """The same with the activation that all of it starts from, where nothing else does: relu(x) * relu(x)."""
    while nodes[source].op == "activation" and source not in torn and steps.issuperset(users[source]):
        steps = {*steps, source}
        (source,) = nodes[source].inputs
    return source, steps


def curves(node: Node) -> bool:
    """Whether a step is no straight line."""
    return node.op in ("activation", "cat") or (node.op == "scale" and node.name in CURVED)


def scaled(index: int, nodes: Sequence[Node], users: Mapping[int, list[int]]) -> int:
    """The last of the steps with a number (factors, shifts) that follow a step, where nothing else does."""
    while len(after := users.get(index, [])) == 1:
        node = nodes[after[0]]
        bound = node.name == "clamp_max" and nodes[index].name == "clamp_min"  # the other half of clamp(0, 6)
        if node.op not in ("scale", "shift") or (node.name in CURVED and not bound) or node.parameter is None:
            break
        index = after[0]
    return index


def chain(start: int, end: int, users: Mapping[int, list[int]]) -> set[int]:
    """The steps after `start` up to `end`, which follow each other."""
    found = set()
    while start != end:
        start = users[start][0]
        found.add(start)
    return found


def replaced(nodes: Sequence[Node], index: int, source: int, steps: set[int]) -> Node | None:
    """One activation for these steps; None where one of them can't be computed, or all together are no activation."""
    made = activation_of(operations(nodes, source, sorted(steps)))
    if made is None:
        return None
    name, parameter, own = made
    if own is not None:
        own = replace(own, text=written(nodes, index, source)[0][:SHOWN])
    return replace(nodes[index], op="activation", inputs=(source,), name=name, parameter=parameter, composed=own)


@lru_cache(maxsize=MOST_KEPT)
def activation_of(made: tuple[Operation, ...]) -> tuple[str, float | None, Composed | None] | None:
    """The name of what the operations compute together, its parameter, and what there is to know of it where it has no
    name of its own."""
    import numpy as np

    from initlint.curves import curve
    from initlint.moments import moments

    if any(operation(step) is None for step in made):
        return None

    def function(z: Array) -> Array:
        return evaluated(made, z)[-1]

    grid = np.linspace(-FAR, FAR, 257)
    values = function(grid)
    if not np.isfinite(values).all():
        return None
    if np.abs(values - values[128] - grid * (values[-1] - values[0]) / (2 * FAR)).max() < CLOSE:
        return None  # a straight line
    if np.abs(values[grid >= 0] - grid[grid >= 0]).max() < CLOSE:
        slope = float(values[0] / grid[0])
        if slope >= CLOSE and np.abs(values[grid < 0] - slope * grid[grid < 0]).max() < CLOSE:
            return "leaky_relu", float(f"{slope:.6g}"), None
    for name in CANDIDATES:
        known = curve(name)
        if known is not None and np.abs(known(grid) - values).max() < CLOSE:
            return name, None, None
    known = curve_of(made)
    try:
        found = moments(known or function)
    except ValueError:
        return None
    held = kind(function(np.array(ENDS)), float(np.ptp(values)))
    own = Composed("", found.second_moment, held, at_zero=float(values[128]))
    if known is not None:
        own = replace(own, steps=made, slope=found.derivative_second_moment, slopes=known.slopes)
    return COMPOSED, None, own


def operations(nodes: Sequence[Node], source: int, order: Sequence[int]) -> tuple[Operation, ...]:
    """The steps by themselves, in order; the last one is what comes out."""
    position = {source: 0} | {index: number for number, index in enumerate(order, 1)}
    return tuple(
        Operation(node.op, node.name, tuple([position[i] for i in node.inputs]), node.parameter, node.choice)
        for node in (nodes[i] for i in order)
    )


def kind(values: Array, span: float) -> str:
    """How it behaves far away, by its values at ENDS: rectifier (one side passes, the other is held back), saturating
    (it ends on flat parts, which most of its `span` lies between), or other."""
    far_below, below, above, far_above = (float(value) for value in values)
    if not (math.isfinite(far_below) and math.isfinite(far_above)):
        return "other"
    held, passing = sorted(((abs(far_below), abs(below)), (abs(far_above), abs(above))))
    if abs(passing[0] - 2 * passing[1]) < LEVEL * passing[0]:  # it is a line in the end
        return "rectifier" if held[0] < passing[0] / 2 else "other"
    flat = max(abs(far_below - below), abs(far_above - above)) < LEVEL * span < 2 * LEVEL * abs(far_above - far_below)
    return "saturating" if flat and passing[0] < BOUNDED else "other"


def unlink(made: list[Node], nodes: Sequence[Node], inside: set[int]) -> None:
    """Cut off the steps that nothing outside uses any more."""
    used = {source for i, node in enumerate(made) if i not in inside or node is not nodes[i] for source in node.inputs}
    for i in sorted(inside, reverse=True):
        if made[i] is not nodes[i]:
            continue
        if i in used:
            used.update(nodes[i].inputs)
        else:
            made[i] = replace(nodes[i], op="composed", inputs=())


# -- as a formula ------------------------------------------------------------------------------

SIGNS: Final = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "truediv": ("/", 2), "parameter": ("*", 2)}
ATOM: Final = 4


def written(nodes: Sequence[Node], index: int, source: int) -> tuple[str, int]:
    """The steps as a formula of x, with how strongly it binds."""
    if index == source:
        return "x", ATOM
    node = nodes[index]
    parts = [written(nodes, i, source) for i in node.inputs]
    if node.choice is not None:
        pair = zip((node.choice.then, node.choice.other), node.choice.numbers)
        texts = [f"{number:g}" if i is None else parts[i][0] for i, number in pair]
        return f"where({parts[node.choice.tested][0]} > {node.choice.bound:g}, {', '.join(texts)})", ATOM
    if node.op == "cat":
        return f"{node.name}({', '.join(text for text, _ in parts)})", ATOM
    if len(parts) == 1 and node.op in JOINS:
        parts *= 2
    p = node.parameter
    if (node.op, p) in (("shift", 0.0), ("scale", 1.0)) and node.name in SIGNS:
        return parts[0]
    if node.op in JOINS or (node.op in ("scale", "shift") and p is not None and node.name in SIGNS):
        sign, level = SIGNS[node.name or node.op]
        if node.op in JOINS:
            left, right = parts
        elif node.name == "truediv" and p:
            left, right = parts[0], (f"{1 / p:.5g}", ATOM)
        elif node.name in ("mul", "parameter"):
            left, right = (f"{p:.5g}", ATOM), parts[0]
        else:
            left, right = parts[0], (f"{p:.5g}", ATOM)
        return f"{bound(left, level)} {sign} {bound(right, level + (sign in '-/'))}", level
    if p is not None and node.name in ("rsub", "rtruediv"):
        return f"{p:.5g} {'-' if node.name == 'rsub' else '/'} {bound(parts[0], 3)}", 1 if node.name == "rsub" else 2
    if p is not None and node.name == "pow":
        return f"{bound(parts[0], 4)}**{p:g}", 3
    tail = f", {p:g}" if p is not None else ""
    return f"{node.name}({parts[0][0]}{tail})", ATOM


def bound(part: tuple[str, int], level: int) -> str:
    text, own = part
    return text if own >= level else f"({text})"
