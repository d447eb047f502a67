"""The model graph: what the interpreter understood of the code, and all that rules may see.

A `Model` holds one `Context` for each entry that was executed (a class built with its defaults, a factory, a script).
A layer's facts are the union over its contexts. `check` finds broken references, `show` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from initlint.formulas import Choice, Composed
from initlint.source import Place

Scalar: TypeAlias = int | float | str | bool | None

DATA = -1  # an Edge's source: the model's own input
OUTPUT = -2  # an Edge's target: what the model returns
MERGE = -3  # an Edge's target: a sum with another branch (a residual add)
GATE = -4  # an Edge's target: an elementwise product with another branch
ATTENTION = -5  # an Edge's target: queries, keys or values of attention
UNKNOWN = -6  # an Edge's source or target that could not be followed


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be known, with the reason. Never reported as a defect."""

    why: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"unknown ({self.why})"


@dataclass(frozen=True, slots=True)
class Fan:
    """The n of a hand-written sqrt(c / n), and which fan its name says that it is: fan_in or fan_out."""

    name: str
    text: str  # as the code writes it
    size: float


PASSED = "passed "


@dataclass(frozen=True, slots=True)
class InitEvent:
    """One write to a parameter: the framework's default or an explicit one.

    `name` is canonical (`kaiming_normal`, `default`, ...; `unknown` for a write that is not
    understood). `args` are the arguments as given, under the framework's names (a, mode,
    nonlinearity, gain, mean, std, val). `covers` is False for a write to a slice or a view; `part` says then which
    rows, as shares of all, where that is known. `blocks` is in how many parts a covering write was made. `factor` is of
    a write that only scales what the one before it in the history wrote; `args` are of the scaled values then.
    """

    name: str
    args: tuple[tuple[str, Scalar | Unknown], ...] = ()
    place: Place | None = None  # the call that writes; None for a framework default
    spelling: str = ""  # as the code names it: torch.nn.init.kaiming_normal_, Tensor.normal_
    explicit: bool = False
    covers: bool = True
    sweep: int | None = None  # index into Context.sweeps when a pass over modules made it
    function: str = ""  # qualified name of the function in which the write stands
    calls: tuple[Place, ...] = ()  # the calls that led there, outermost first
    certain: bool = True  # False when it stands in a branch whose condition is unknown
    # Where arguments stand, by their names; what is a parameter of the function, once more: PASSED, name, its own.
    spans: tuple[tuple[str, Place], ...] = field(default=(), compare=False)
    # The initializer object of Keras that wrote, negative where it has a seed that its clones have too; 0 where there
    # is none that others may have.
    maker: int = 0
    fan: Fan | None = None  # of a scale that the code computes by hand
    part: tuple[float, float] | None = None
    blocks: int = 1
    factor: float | None = None

    def argument(self, name: str) -> Scalar | Unknown:
        for key, value in self.args:
            if key == name:
                return value
        return None


History: TypeAlias = tuple[InitEvent, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter of a layer or of a module.

    `shape` is None when the rank is unknown; an entry of it is None when that size is. `histories` has one history for
    each way the construction can go; each is in order of execution, its last covering write the effective initializer.
    """

    name: str  # attribute: weight, bias, weight_ih_l0
    role: str  # kernel, bias, recurrent, embedding, norm, norm_bias, gain, raw
    shape: tuple[int | None, ...] | None
    histories: tuple[History, ...]
    trainable: bool | None
    place: Place  # where it is made: the layer's constructor, or the nn.Parameter call
    memory: bool = False  # made from memory without values (torch.empty)
    default: str = ""  # canonical name of what the framework's default is
    # fan_in and fan_out as the framework's initializers compute them, and a kernel's number of positions; None where
    # that is torch's way, from the shape
    fans: tuple[int | None, int | None, int] | None = None

    def effective(self) -> tuple[InitEvent | None, ...]:
        """The last covering write of each history; None where nothing covers it."""
        return tuple(next((e for e in reversed(h) if e.covers), None) for h in self.histories)


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation as it is used: canonical name (`custom` where it has none), and the slope or alpha where it has
    one."""

    name: str
    place: Place | None = None
    parameter: float | None = None  # negative_slope of leaky_relu, alpha of elu
    composed: Composed | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool: what it takes (max, mean; "" for another), of how many positions, and how many there are per output."""

    kind: str
    positions: int | None = None
    stride: int | None = None  # None for the two where they are unknown


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one layer's output to what consumes it, with no other layer in between.

    `source` and `target` are indices into Context.layers, or DATA, OUTPUT, MERGE, GATE, ATTENTION, UNKNOWN.
    `activation` is None where nothing non-linear stands between. `path` lists what is passed on the way, in order:
    norm, add, cat, mul, pool, dropout, activation, scale.
    """

    source: int
    target: int
    activation: Activation | None
    path: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()  # those of the path, in order

    @property
    def norm(self) -> bool:
        return "norm" in self.path


@dataclass(frozen=True, slots=True)
class Layer:
    """A weighted layer (or a module that owns raw parameters, kind `Parameter`)."""

    index: int
    kind: str  # Conv2d, Linear, LSTM, ...: the framework's class
    qualified: str  # torch.nn.Conv2d
    name: str  # BasicBlock.conv1: class of the owning module and path in it
    place: Place  # its constructor call
    owner: Place | None  # the call in the owning module that made it through a helper
    module: str  # class of the module that owns it
    weights: tuple[Weight, ...]
    fan_in: int | None
    fan_out: int | None
    activations: tuple[str, ...] | None  # canonical, sorted; None when unknown, () when unreached
    norm_between: bool | None
    unknown: tuple[str, ...] = ()
    repeated: bool = False  # made in a loop whose length is unknown
    serial: int = 0  # order of construction
    copies: int = 1  # layers like it that it stands for, one after the other, where a long loop was sampled
    internal: tuple[str, ...] | None = ()  # activations inside it, of recurrent layers; None when unknown
    dilution: int = 1  # what its stride divides by: fan_in of a transposed convolution, fan_out of a plain one
    square: bool = False  # both fans are unknown, and known to be equal
    replaced: bool = False  # the model holds another in its place, and nothing holds it

    def weight(self, name: str) -> Weight | None:
        return next((w for w in self.weights if w.name == name), None)

    @property
    def is_norm(self) -> bool:
        """Whether it is a normalization: no weighted layer, here because a test in initialization code missed it."""
        return bool(self.weights) and all(w.role in ("norm", "norm_bias") for w in self.weights)

    @property
    def kernel(self) -> Weight | None:
        return next((w for w in self.weights if w.role in ("kernel", "embedding", "raw")), None)


@dataclass(frozen=True, slots=True)
class Node:
    """One step of the data flow: op is input, layer, activation, norm, add, cat, mul, matmul, scale, shift,
    pool, dropout, attention, either (a join of branches), output, unknown, or composed (a part of an activation that
    another node stands for)."""

    op: str
    inputs: tuple[int, ...] = ()
    name: str = ""
    layer: int = -1
    place: Place | None = None
    parameter: float | None = None  # slope, alpha, factor, rate; of a pool the number of its positions
    composed: Composed | None = None
    choice: Choice | None = None
    stride: int | None = None  # of a pool

    def of(self, layer: int) -> Node:
        """The same step as one of this layer. (Four times as fast as `replace`, as are `at` and `fed_by`.)"""
        more = self.composed, self.choice, self.stride
        return Node(self.op, self.inputs, self.name, layer, self.place, self.parameter, *more)

    def fed_by(self, inputs: tuple[int, ...]) -> Node:
        more = self.composed, self.choice, self.stride
        return Node(self.op, inputs, self.name, self.layer, self.place, self.parameter, *more)

    def at(self, place: Place) -> Node:
        more = self.composed, self.choice, self.stride
        return Node(self.op, self.inputs, self.name, self.layer, place, self.parameter, *more)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A pass that initializes many modules: apply(fn), or a loop over modules or parameters. A context has them in the
    order in which they begin.

    `missed` are indices of layers with a weight that nothing writes and the pass would have, had they existed by then.
    """

    place: Place
    kind: str  # apply, modules, children, named_modules, parameters, named_parameters
    root: str  # class of the module swept over
    function: str
    wrote: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong by itself: a call that raises, a write that is lost; `kind` (predicates.INCIDENTS) names
    it. `facts` has what its message needs; `layers` and `weights`, by index and name, are what it is about."""

    kind: str
    place: Place
    facts: tuple[tuple[str, str], ...] = ()
    layers: tuple[int, ...] = ()
    certain: bool = True
    weights: tuple[tuple[int, str], ...] = ()

    def fact(self, name: str) -> str:
        return next((value for key, value in self.facts if key == name), "")


@dataclass(frozen=True, slots=True)
class Tie:
    """An assignment that makes one layer use another's weight: indices of the borrowing layer and of the owner's."""

    place: Place
    layer: int
    lender: int


@dataclass(frozen=True, slots=True)
class Reload:
    """An initializer that overwrites loaded weights. `model` is the class of a model from outside, "" for the project's
    own, whose `layers` are known; `whole`: no loaded weight is left, `alike`: some of layers of the same kinds are."""

    place: Place
    spelling: str
    load: Place
    model: str
    layers: tuple[int, ...]
    whole: bool
    alike: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What one entry showed. `complete` is False when fuel ran out or it raised: then absence proves nothing."""

    entry: str
    file: str
    layers: tuple[Layer, ...]
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    incidents: tuple[Incident, ...] = ()
    complete: bool = True
    unknown: tuple[Unknown, ...] = ()
    genuine: bool = True  # False for a class built by us with arguments left unknown
    ties: tuple[Tie, ...] = ()
    reloads: tuple[Reload, ...] = ()
    place: Place | None = None  # the entry's name in its class or def; None for a script
    built: bool = False  # a class that we built by itself, rather than code that builds a model
    offered: bool = False  # one that users build themselves, though larger models of the project have it too
    part: bool = False  # of a class that we built by itself before other code came to build it
    unsettled: bool = False  # other code may fill what it leaves empty: who makes it where no entry came, or a loader

    def outgoing(self, index: int) -> Iterator[Edge]:
        return (edge for edge in self.edges if edge.source == index)

    def incoming(self, index: int) -> Iterator[Edge]:
        return (edge for edge in self.edges if edge.target == index)


@dataclass(frozen=True, slots=True)
class TypeTest:
    """A test of a type or a name in initialization code, over all contexts: how it came out, and what it asked of."""

    place: Place
    text: str
    kind: str  # type, name
    asked: tuple[str, ...]  # Conv2d; or the string compared with
    true: int
    false: int
    unknown: int
    seen: tuple[str, ...]  # kinds (or names) it was false for
    body: tuple[str, ...] = ()  # canonical initializers its branch would have written
    passes: tuple[Place, ...] = ()  # over modules, in which it is asked


@dataclass(frozen=True, slots=True)
class Method:
    """A method or function that initializes weights, and whether anything calls it."""

    name: str
    owner: str  # class, "" for a function
    place: Place  # of the name in its def
    called: bool | None  # None: callers may exist that are not visible
    built: int  # how many visible constructions of the class there are outside its own file's classes
    asks: tuple[str, ...] = ()  # the project's classes that it names: those that it selects modules by
    fills: tuple[str, ...] = ()  # of any module that it is applied to, where no entry came to that


@dataclass(frozen=True, slots=True)
class Model:
    """All contexts of one run, and what holds over all of them."""

    contexts: tuple[Context, ...]
    tests: tuple[TypeTest, ...] = ()
    methods: tuple[Method, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[Unknown, ...] = field(default=())
    faults: tuple[tuple[str, Exception], ...] = ()  # bugs of ours: the file and what was raised
    templates: frozenset[str] = frozenset()  # files that others were generated from: those run, these don't


def check(model: Model) -> list[str]:
    """Broken references in the model, as sentences; empty when it is sound."""
    wrong = []
    for context in model.contexts:
        count = len(context.layers)
        for position, layer in enumerate(context.layers):
            if layer.index != position:
                wrong.append(f"{context.entry}: layer {layer.name} has index {layer.index}, stands at {position}")
            wrong += [
                f"{context.entry}: {layer.name}.{weight.name} has no history"
                for weight in layer.weights
                if not weight.histories
            ]
        for edge in context.edges:
            if edge.source >= count or edge.target >= count:
                wrong.append(f"{context.entry}: edge {edge.source} -> {edge.target} leads nowhere")
        for position, node in enumerate(context.nodes):
            if node.op != "either" and any(i >= position for i in node.inputs):
                wrong.append(f"{context.entry}: node {position} ({node.op}) uses a later node")
        for sweep in context.sweeps:
            if any(not 0 <= i < count for i in (*sweep.wrote, *sweep.missed)):
                wrong.append(f"{context.entry}: sweep at line {sweep.place.span.start.line} names no layer")
    return wrong


def show(model: Model) -> str:
    """The model as text, one line a layer: the front end's snapshot format."""
    lines = []
    for context in model.contexts:
        lines.append(f"{context.entry}{'' if context.complete else ' (incomplete)'}")
        for layer in context.layers:
            acts = "?" if layer.activations is None else ",".join(layer.activations) or "-"
            lines.append(f"  {layer.name}: {layer.kind} line {layer.place.span.start.line} -> {acts}")
            for weight in layer.weights:
                shape = "?" if weight.shape is None else "x".join("?" if s is None else str(s) for s in weight.shape)
                for history in weight.histories:
                    chain = " > ".join(show_event(event) for event in history) or "nothing"
                    lines.append(f"    {weight.name} [{shape}] {chain}")
        lines += [f"  ! {incident.kind} line {incident.place.span.start.line}" for incident in context.incidents]
    return "\n".join(lines)


def show_event(event: InitEvent) -> str:
    """`kaiming_normal(mode='fan_out')@12`, with `~` before a write to a part of the tensor."""
    args = ", ".join(f"{k}={'?' if isinstance(v, Unknown) else repr(v)}" for k, v in event.args)
    at = "" if event.place is None else f"@{event.place.span.start.line}"
    return f"{'' if event.covers else '~'}{event.name}{f'({args})' if args else ''}{at}"
