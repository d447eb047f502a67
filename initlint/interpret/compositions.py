"""Activations that code composes itself, as x * sigmoid(1.702 * x): found in the data flow, and computed with NumPy.

Whatever form they have (a function, a lambda, a small module, an expression in `forward`), executing them leaves the
same steps. Where every way into a sum or product leads back, through steps on single entries alone, to one step, all of
them together are a function of one number. It is evaluated from a closed list of operations; nothing of the project's
code runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from initlint.graph import Choice, Composed, Node

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

JOINS: Final = frozenset({"mul", "add"})
EXTREMES: Final = frozenset({"maximum", "minimum"})
STEPS: Final = frozenset({"activation", "scale", "shift", *JOINS})  # on single entries
LAYERS: Final = frozenset({"layer", "norm", "dropout", "input", "pool"})
MOST_STEPS: Final = 24
CLOSE: Final = 2e-3  # largest difference from an activation that counts as this one; GELU's tanh form is off by 5e-4
CANDIDATES: Final = (
    "silu gelu mish hardswish softplus relu tanh sigmoid hardsigmoid softsign tanhshrink relu6 selu elu".split()
)
FAR: Final = 8.0  # up to where functions are compared: beyond relu6's bound
SHOWN: Final = 70  # characters
CURVED: Final = frozenset("abs sqrt rsqrt log log1p expm1 erf pow rpow reciprocal sign clamp_min clamp_max".split())
COMPOSED: Final = "custom"  # canonical name of what equals no known activation


def composed(nodes: Sequence[Node], torn: frozenset[int]) -> list[Node]:
    """The nodes, with one activation in place of the steps of each composition. `torn` are nodes whose inputs are
    rearranged or cut parts of what they come from: not the same entries."""
    candidates = [i for i, node in enumerate(nodes) if joins(node) or rectifies(node, nodes)]
    if not candidates:
        return list(nodes)
    made = list(nodes)
    inside: set[int] = set()
    users: dict[int, list[int]] = {}
    for index in reversed(candidates):
        region = None if index in inside else reached(index, nodes, torn)
        if region is None:
            continue
        if not users:
            for i, node in enumerate(nodes):
                for source in node.inputs:
                    users.setdefault(source, []).append(i)
        source, steps = region
        end = scaled(index, nodes, users)
        steps |= chain(index, end, users)
        whole = replaced(nodes, end, source, steps)
        if whole is not None:
            made[end] = whole
            inside |= steps
    if inside:
        unlink(made, nodes, inside)
    return made


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
    curved = any(
        nodes[i].op in ("activation", "cat") or (nodes[i].op == "scale" and nodes[i].name in CURVED) for i in steps
    )
    return (frontier.pop(), steps) if curved else None


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
    import numpy as np

    from initlint.curves import curve
    from initlint.moments import moments

    order = sorted(steps)
    if any(operation(nodes[i]) is None for i in order):
        return None

    def function(z: Array) -> Array:
        values = {source: z}
        for i in order:
            run = operation(nodes[i])
            assert run is not None
            values[i] = run([values[j] for j in nodes[i].inputs])
        return values[index]

    grid = np.linspace(-FAR, FAR, 257)
    with np.errstate(all="ignore"):
        values = function(grid)
    if not np.isfinite(values).all():
        return None
    if np.abs(values - values[128] - grid * (values[-1] - values[0]) / (2 * FAR)).max() < CLOSE:
        return None  # a straight line
    whole = replace(nodes[index], op="activation", inputs=(source,), parameter=None)
    if np.abs(values[grid >= 0] - grid[grid >= 0]).max() < CLOSE:
        slope = float(values[0] / grid[0])
        if slope >= CLOSE and np.abs(values[grid < 0] - slope * grid[grid < 0]).max() < CLOSE:
            return replace(whole, name="leaky_relu", parameter=float(f"{slope:.6g}"))
    for name in CANDIDATES:
        known = curve(name)
        if known is not None and np.abs(known(grid) - values).max() < CLOSE:
            return replace(whole, name=name)
    try:
        found = moments(function)
    except ValueError:
        return None
    text = written(nodes, index, source)[0][:SHOWN]
    return replace(
        whole, name=COMPOSED, composed=Composed(text, found.second_moment, kind(function(np.array([-30.0, 30.0]))))
    )


def kind(ends: Array) -> str:
    """How it behaves far away: rectifier (one side passes, the other is held back), saturating, or other."""
    low, high = (float(value) for value in ends)
    if not (math.isfinite(low) and math.isfinite(high)):
        return "other"
    if 20 < high < 45 and abs(low) < 15:
        return "rectifier"
    return "saturating" if abs(low) < 3 and abs(high) < 3 else "other"


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


# -- the closed list of operations ------------------------------------------------------------


def operation(node: Node) -> Callable[[Sequence[Array]], Array] | None:
    """What a step does to the entries of its inputs. None where it is not on the list, or a number is not known."""
    import numpy as np

    from initlint.curves import curve, erf

    p = node.parameter
    if node.op == "activation":
        known = curve(node.name, p)
        return None if known is None else lambda v: known(v[0])
    if node.choice is not None:
        return selected(node.choice)
    if node.op == "cat":
        return {"maximum": lambda v: np.maximum(v[0], v[-1]), "minimum": lambda v: np.minimum(v[0], v[-1])}.get(
            node.name
        )
    if node.op in JOINS:
        pairs: Mapping[str, Callable[[Any, Any], Array]] = {
            "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
        }  # fmt: skip
        pair = pairs.get(node.name or node.op)
        return None if pair is None else lambda v: pair(v[0], v[-1])
    singles: Mapping[str, Callable[[Array], Array]] = {
        "abs": np.abs, "absolute": np.abs, "neg": np.negative, "negative": np.negative, "sqrt": np.sqrt,
        "rsqrt": lambda x: 1 / np.sqrt(x), "square": np.square, "log": np.log, "log1p": np.log1p, "expm1": np.expm1,
        "erf": erf, "reciprocal": np.reciprocal, "sign": np.sign,
    }  # fmt: skip
    single = singles.get(node.name)
    if single is not None:
        return lambda v: single(v[0])
    if p is None:
        return None
    numbers: Mapping[str, Callable[[Array], Array]] = {
        "add": lambda x: x + p, "sub": lambda x: x - p, "rsub": lambda x: p - x, "mul": lambda x: x * p,
        "truediv": lambda x: x * p, "rtruediv": lambda x: p / x, "pow": lambda x: np.power(x, p),
        "rpow": lambda x: np.power(p, x), "clamp_min": lambda x: np.maximum(x, p), "parameter": lambda x: x * p,
        "clamp_max": lambda x: np.minimum(x, p),
    }  # fmt: skip
    number = numbers.get(node.name)
    return None if number is None else lambda v: number(v[0])


def selected(choice: Choice) -> Callable[[Sequence[Array]], Array]:
    import numpy as np

    def run(v: Sequence[Array]) -> Array:
        then, other = (
            number if position is None else v[position]
            for position, number in zip((choice.then, choice.other), choice.numbers)
        )
        return np.where(v[choice.tested] > choice.bound, then, other)

    return run


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
