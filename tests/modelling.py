"""Models by hand, for tests of the rules: layers in a chain, with the writes and edges that a test needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from initlint.graph import (
    DATA,
    OUTPUT,
    Activation,
    Context,
    Edge,
    History,
    Incident,
    InitEvent,
    Layer,
    Method,
    Model,
    Node,
    Scalar,
    Sweep,
    TypeTest,
    Unknown,
    Weight,
)
from initlint.source import Place, Point, Span

FILE = "net.py"
DEFAULT = InitEvent("default", (("a", 5**0.5),))


def place(line: int, file: str = FILE) -> Place:
    return Place(file, Span(Point(line, 9), Point(line, 40)))


def write(name: str, line: int, *, spelling: str = "", sweep: int | None = None, **extra: Any) -> InitEvent:
    """An explicit event; keywords that are no fields are its arguments."""
    known = {key: extra.pop(key) for key in ("covers", "certain", "function") if key in extra}
    args: tuple[tuple[str, Scalar | Unknown], ...] = tuple(extra.items())
    return InitEvent(name, args, place(line), spelling or f"torch.nn.init.{name}_", explicit=True, sweep=sweep, **known)


def weight(
    *history: InitEvent,
    shape: tuple[int | None, ...] | None = (64, 64),
    name: str = "weight",
    role: str = "kernel",
    line: int = 1,
    histories: tuple[History, ...] = (),
    trainable: bool | None = True,
    memory: bool = False,
    default: str = "kaiming_uniform",
) -> Weight:
    """A weight with one history, or with `histories`."""
    return Weight(
        name,
        role,
        shape,
        histories or ((DEFAULT, *history) if not memory else history,),
        trainable,
        place(line),
        memory,
        default,
    )


def bias(*history: InitEvent, units: int = 64, line: int = 1) -> Weight:
    default = InitEvent("default", (("a", -0.125), ("b", 0.125)))
    return Weight("bias", "bias", (units,), ((default, *history),), True, place(line), default="uniform")


def layer(
    index: int,
    *weights: Weight,
    kind: str = "Linear",
    activations: tuple[str, ...] | None = ("relu",),
    fans: tuple[int | None, int | None] = (64, 64),
    line: int | None = None,
    norm: bool | None = False,
    name: str = "",
    module: str = "Net",
) -> Layer:
    return Layer(
        index,
        kind,
        f"torch.nn.{kind}",
        name or f"{module}.fc{index}",
        place(line if line is not None else index + 1),
        None,
        module,
        weights or (weight(),),
        fans[0],
        fans[1],
        activations,
        norm,
        serial=index,
    )


def chained(layers: Sequence[Layer], parameter: float | None = None) -> tuple[Edge, ...]:
    """Data through the layers in order to the output, each with its first activation behind it."""
    edges = [Edge(DATA, 0, None)]
    for position, one in enumerate(layers):
        names = [name for name in one.activations or () if name not in ("linear", "output", "attention")]
        activation = Activation(names[0], None, parameter) if names else None
        target = position + 1 if position + 1 < len(layers) else OUTPUT
        path = (*(("norm",) if one.norm_between else ()), *(("activation",) if names else ()))
        edges.append(Edge(position, target, activation, path))
    return tuple(edges)


def context(
    layers: Sequence[Layer],
    edges: Sequence[Edge] | None = None,
    *,
    entry: str = "Net",
    nodes: Sequence[Node] = (),
    sweeps: Sequence[Sweep] = (),
    incidents: Sequence[Incident] = (),
    complete: bool = True,
    genuine: bool = True,
) -> Context:
    return Context(
        entry,
        FILE,
        tuple(layers),
        tuple(nodes),
        tuple(chained(layers) if edges is None else edges),
        tuple(sweeps),
        tuple(incidents),
        complete,
        genuine=genuine,
    )


def model(*contexts: Context, tests: Sequence[TypeTest] = (), methods: Sequence[Method] = ()) -> Model:
    return Model(contexts, tuple(tests), tuple(methods), (FILE,))


def deep(depth: int, event: InitEvent, activation: str = "relu", *, norm: bool = False, width: int = 64) -> Context:
    """`depth` equal layers, all written by one event, each before the activation."""
    layers = [
        layer(
            i,
            weight(event, shape=(width, width), line=i + 1),
            activations=(activation,),
            fans=(width, width),
            norm=norm,
        )
        for i in range(depth)
    ]
    return context(layers)
