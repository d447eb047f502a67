"""The machine: state of one execution, and the tables through which the parts call each other.

`evaluate`, `execute`, `calls`, ... are modules of plain functions over a Machine; each hands its table to `assemble`,
so that imports stay one-way while expressions contain calls and calls contain statements.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from initlint.graph import History, Incident, InitEvent, Node, Unknown
from initlint.interpret.heap import Heap, Raised
from initlint.interpret.likeness import Leaf
from initlint.interpret.parts import Parts, Pass
from initlint.interpret.pieces import extended
from initlint.interpret.postponed import Deferred, Read
from initlint.interpret.project import Project
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.trees import Mentions, Signature
from initlint.interpret.values import Alternatives, Cell, Class, Frame, Function, Instance, Value, flatten
from initlint.knowledge import Knowledge, WeightSpec
from initlint.source import Place

Arguments: TypeAlias = list[Value]
Keywords: TypeAlias = dict[str, Value]
Expression: TypeAlias = "Callable[[Machine, ast.expr, Frame], Value]"
Statement: TypeAlias = "Callable[[Machine, ast.stmt, Frame], str]"
Call: TypeAlias = "Callable[[Machine, Value, Arguments, Keywords, ast.AST, Frame], Value]"
Handler: TypeAlias = "Callable[[Machine, Arguments, Keywords, ast.AST, Frame], Value]"
Fans: TypeAlias = "tuple[int | None, int | None]"
Attribute: TypeAlias = "Callable[[Machine, Value, str, ast.AST, Frame], Value]"

ENTRY_FUEL = 300_000  # steps (expressions and statements) of one entry
MOST_FRAMES = 60
BARREN_STEPS = 2_500  # of a loop that counts, and in which nothing of the model is made or called


# What torch raises where an incident of this kind happens; the others raise nothing.
RAISES: Final = {
    "fan-of-vector": "ValueError",
    "unsupported-nonlinearity": "ValueError",
    "wrong-rank": "ValueError",
    "missing-bias": "AttributeError",
    "unknown-initializer": "AttributeError",
    "init-of-module": "AttributeError",
    "inplace-on-leaf": "RuntimeError",
    "assign-non-parameter": "TypeError",
}
ARGUMENT_KINDS: Final = frozenset({"unsupported-nonlinearity", "unknown-initializer"})  # whoever calls the function


def ancestors(name: str) -> frozenset[str]:
    """A builtin exception's name with those of the classes above it."""
    kind = getattr(builtins, name, None)
    return frozenset(part.__name__ for part in kind.__mro__) if isinstance(kind, type) else frozenset({name})


class OutOfFuel(Exception):
    """The entry's budget of steps is used up."""


class Enough(Exception):
    """A survey of what would be built has come to where it would be built."""


@dataclass(slots=True)
class Test:
    """Outcomes of one test in initialization code, over all contexts."""

    place: Place
    text: str
    kind: str
    asked: tuple[str, ...]
    true: int = 0
    false: int = 0
    unknown: int = 0
    seen: dict[str, None] = field(default_factory=dict)
    body: dict[str, None] = field(default_factory=dict)
    passes: dict[Place, None] = field(default_factory=dict)
    subject: ast.expr | None = None
    within: int = 0  # the pass in which it was asked last, by its serial: that and those around it are noted


@dataclass(frozen=True, slots=True)
class Tables:
    """What each kind of syntax and value does, in plain dictionaries: any Mapping is asked slower, once compiled."""

    expressions: dict[type[ast.AST], Expression]
    statements: dict[type[ast.AST], Statement]
    calls: dict[type, Call]
    attributes: dict[type, Attribute]
    symbols: dict[str, Handler]  # what a call of an outside function does


class Machine(Parts):
    """State of the execution. One machine serves a whole run; `begin` starts an entry."""

    def __init__(self, tables: Tables, project: Project, knowledge: Knowledge) -> None:
        self.tables = tables
        self.expressions, self.statements = tables.expressions, tables.statements
        self.project = project
        self.knowledge = knowledge
        self.heap = Heap(self.either)
        self.other_tests: set[ast.AST] = set()  # that ask for neither type nor name
        self.tests: dict[Place, Test] = {}
        self.called: dict[ast.AST, int] = {}  # function nodes that some visible code called
        self.hooked: set[ast.AST] = set()
        self.made: set[ast.AST] = set()  # calls that have made an object
        self.built: dict[ast.AST, int] = {}  # class nodes that visible code constructs
        self.entered: dict[ast.AST, int] = {}  # class nodes that were built as entries
        self.shown: set[ast.AST] = set()  # classes that were executed as bases of others, where that was in a share
        self.faults: list[tuple[str, Exception]] = []  # our own bugs, by the file whose entry showed them
        self.spent: dict[str, int] = {}  # steps by file
        self.summed: set[ast.AST] = set()  # functions that are known to be plain initializers
        self.generators: dict[ast.AST, bool] = {}
        self.signatures: dict[ast.AST, Signature] = {}
        self.mentions: dict[ast.AST, Mentions] = {}
        self.tedious: set[object] = set()  # functions that take long and change nothing; some for one class only
        self.patches: Cell = {}  # what the project adds to the framework's classes, by qualified name
        self.nowhere: set[tuple[Class, str]] = set()  # what an own __getattribute__ does not find either
        self.settable: set[str] = set()  # names of properties that can be set
        self.kinds_seen: set[object] = set()
        self.exhausted: dict[str, int] = {}  # homes of classes -> how many of their models used up their budget
        self.combinations: dict[ast.AST, int] = {}  # class nodes -> how many kinds of models were built
        self.quiets: dict[ast.AST, bool] = {}  # functions: do they only compute, as far as their text tells
        self.recalled: dict[object, tuple[Value, list[Read]]] = {}  # results of such functions, by what they were given
        self.packages: dict[str, bool] = {}  # outside packages that were asked for: do the tables know them
        self.spans: dict[ast.AST, tuple[tuple[str, Place], ...]] = {}  # of the arguments of init calls
        self.shapes: dict[object, list[tuple[WeightSpec, tuple[int | None, ...] | None, tuple[History, ...]]]] = {}
        self.fans: dict[object, tuple[int | None, int | None]] = {}
        self.begin()

    def begin(self) -> None:
        """Forget the last entry's model."""
        self.fuel = ENTRY_FUEL
        self.nodes: list[Node] = []
        self.node_layers: dict[int, Instance | Param] = {}
        self.factors: dict[int, Param] = {}  # of nodes that scale by a raw parameter
        self.torn: set[int] = set()  # nodes with inputs that are rearranged or cut
        self.matrices: dict[int, dict[Fans, None]] = {}  # fans with which raw parameters are multiplied, by id
        self.ties: list[tuple[Place, Instance, Param]] = []  # assignments of a weight that another layer has
        self.pretrained: list[Instance] = []  # models from outside that came with trained weights
        self.outcomes: list[Value] = []  # of models that code outside of all modules has called
        self.layers: list[Instance] = []
        self.norms: list[Instance] = []
        self.params: list[Param] = []
        self.incidents: dict[tuple[str, Place], Incident] = {}
        self.incident_layers: dict[tuple[str, Place], list[Instance | Param]] = {}
        self.passes: list[Pass] = []
        self.sweeping: list[Pass] = []
        self.frames: list[Frame] = []
        self.running: dict[ast.AST, int] = {}  # functions whose bodies are being executed
        self.no_grad = 0
        self.alone: ast.AST | None = None  # what the running statement consists of: evaluated for its effect
        self.guards: list[tuple[frozenset[str], int]] = []  # what handlers around take, and how deep in forks
        self.repeating = 0  # the last object made before the loop of unknown length that this is in; 0 in none
        self.deferring = False
        self.surveying = False  # nothing is built: only what would be is noted
        self.offers: list[frozenset[Leaf]] = []  # what the models were to be built from
        self.put_off: list[tuple[Deferred, tuple[Value, ...]]] = []  # models not built, and what they were given
        self.writes = 0  # to parameters
        self.used: dict[int, int] = {}  # how often what holds a parameter had been called when that was written to
        self.copies = 1  # how many turns of the loops around it this one stands for
        self.sampled: set[int] = set()  # lengths of counts of which only some turns were executed
        self.instances: list[Instance] = []
        self.constructed = False  # the model is made and initialized: what follows is its forward
        self.cut = 0  # the first object of a script of which not all is known, as the steps ran out there
        self.quiet = False  # nothing but computing was seen since a function began whose result may be remembered
        self.quiet_since = 0  # the last object made before
        self.reads: list[Read] | None = None  # of names of modules by that function
        self.orphan = False  # running a function that nothing visible calls
        self.base_depth = 0  # of forks, where the construction of the innermost module began
        self.loaded = False  # a loader of the project's own was given a module
        self.lost_writes: dict[int, tuple[Tensor, Param | None, ast.AST, Frame]] = {}  # and whose copies they were
        self.heap.log = None
        self.heap.depth = 0

    # -- dispatch -------------------------------------------------------------------------

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        self.fuel -= 1
        if self.fuel < 0:
            raise OutOfFuel
        return self.expressions[type(node)](self, node, frame)

    def call(self, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        handler = self.tables.calls.get(type(callee))
        if handler is None:
            return self.lost(f"a call of {type(callee).__name__}", args, kwargs)
        return handler(self, callee, args, kwargs, node, frame)

    def attribute(self, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
        handler = self.tables.attributes.get(type(value))
        if handler is None:
            return Unknown(f"attribute {name}")
        return handler(self, value, name, node, frame)

    # -- alternatives ----------------------------------------------------------------------

    def each(self, value: Value, visit: Callable[[Value], Value]) -> Value:
        """`visit` of every option of a value, branches joined."""
        if isinstance(value, Deferred):
            value = value.force()
        if not isinstance(value, Alternatives):
            return visit(value)
        return self.heap.fork([lambda option=option: visit(option) for option in value.options])  # type: ignore[misc]

    @property
    def certain(self) -> bool:
        """Whether no unknown branch stands between here and where the construction under way, or the entry, began."""
        return self.heap.depth <= self.base_depth

    # -- what the model is made of ---------------------------------------------------------

    def next_serial(self) -> int:
        self.heap.serial += 1
        return self.heap.serial

    def emit(
        self,
        op: str,
        inputs: tuple[int, ...],
        name: str = "",
        node: ast.AST | None = None,
        parameter: float | None = None,
    ) -> int:
        place = self.frames[-1].unit.place(node) if node is not None and self.frames else None
        self.nodes.append(Node(op, inputs, name, -1, place, parameter))
        return len(self.nodes) - 1

    def flow(
        self, op: str, inputs: list[Tensor], name: str = "", node: ast.AST | None = None, parameter: float | None = None
    ) -> Tensor:
        """A tensor that comes from `inputs` by one step; the same tensor where nothing flows."""
        ids = tuple(dict.fromkeys(t.node for t in inputs if t.node >= 0))
        if not ids:
            param = next((t.param for t in inputs if t.param is not None), None)
            return Tensor(-1, param=param)
        made = self.emit(op, ids, name, node, parameter)
        if any(t.torn for t in inputs):
            self.torn.add(made)
        return Tensor(made)

    def either(self, tensors: tuple[Tensor, ...]) -> Tensor:
        ids = tuple(dict.fromkeys(t.node for t in tensors if t.node >= 0))
        if len(ids) < 2:
            return tensors[0] if not ids else Tensor(ids[0])
        made = Tensor(self.emit("either", ids))
        if tensors[0].channels is not None and len({(t.shape, t.channels) for t in tensors}) == 1:
            made.shape, made.channels = tensors[0].shape, tensors[0].channels
        return made

    def incident(
        self,
        kind: str,
        node: ast.AST,
        frame: Frame,
        facts: Mapping[str, str],
        about: Instance | Param | None = None,
        raises: str = "",
    ) -> None:
        if self.orphan and kind not in ARGUMENT_KINDS:
            return  # it depends on what callers give
        what = raises or RAISES.get(kind)
        if what is not None:
            self.be_caught(what)
            if any(not taken.isdisjoint(ancestors(what)) for taken, _ in self.guards):
                return
        place = frame.unit.place(node)
        key = (kind, place)
        if key not in self.incidents:
            certain = self.certain or self.orphan
            self.incidents[key] = Incident(kind, place, tuple(sorted(facts.items())), (), certain)
        if about is not None:
            self.incident_layers.setdefault(key, []).append(about)

    def be_caught(self, what: str) -> None:
        """Leave for the handler that takes this exception, where no fork lies in between."""
        for taken, depth in reversed(self.guards):
            if not taken.isdisjoint(ancestors(what)):
                if depth == self.heap.depth:
                    raise Raised(what)
                return

    @contextmanager
    def guarded(self, taken: frozenset[str]) -> Iterator[None]:
        """Inside a `try` whose handlers take these exceptions."""
        self.guards.append((taken, self.heap.depth))
        try:
            yield
        finally:
            self.guards.pop()

    @property
    def progress(self) -> tuple[int, int, int, int]:
        """Grows with whatever is made, called or written of a model."""
        return len(self.instances), len(self.params), len(self.nodes), self.writes

    def write(self, param: Param, event: InitEvent) -> None:
        """Record a write on every way that led here."""
        self.writes += 1
        histories = tuple(extended(history, event) for history in param.histories)
        if param.owner is not None and param.owner.uses != self.used.get(param.serial, 0):
            self.used[param.serial] = param.owner.uses
            if event.covers and event.certain:
                histories = ((event,),)  # what was there has had its effect: data has gone through it
        self.heap.write(param.cell, "histories", histories)
        for sweep in self.sweeping:
            sweep.wrote[id(param)] = param

    # -- the unknown -----------------------------------------------------------------------

    def lost(self, why: str, args: Arguments = [], kwargs: Keywords = {}, place: Place | None = None) -> Value:  # noqa: B006 (never written)
        """The result of something not understood: what it was given may have been written to."""
        given = list(flatten((*args, *kwargs.values())))
        data = dict.fromkeys(value.node for value in given if isinstance(value, Tensor) and value.node >= 0)
        node = self.emit("unknown", tuple(data), why) if data else -1
        for value in given:
            if isinstance(value, Tensor):
                value.fill(node)
            else:
                self.escape(value, why)
        return Tensor(node) if data else Unknown(why, place)

    def escape(self, value: Value, why: str) -> None:
        """Unseen code has this object now; its parameters may be written there."""
        if isinstance(value, View):
            value = value.param
        if isinstance(value, Param):
            self.write(value, InitEvent("unknown", (("why", why),), explicit=True, certain=False))
        elif isinstance(value, Instance) and not value.escaped:
            value.escaped = why
            for part in list(value.cell.values()):
                for inner in flatten(part):
                    if isinstance(inner, (Instance, Param)):
                        self.escape(inner, why)
        elif isinstance(value, Deferred):
            value.then(lambda made: self.escape(made, why))

    # -- places ----------------------------------------------------------------------------

    def calls_now(self, innermost: Place) -> tuple[Place, ...]:
        """The calls that led here, outermost first."""
        return tuple(f.unit.place(f.call) for f in self.frames[-8:] if f.call is not None)[:-1] or ()

    def enter(self, sweep: Pass | None) -> None:
        """Begin a pass, until `leave`. (No context manager, for there are tens of thousands.)"""
        if sweep is not None:
            sweep.index = len(self.passes)
            self.passes.append(sweep)
            self.sweeping.append(sweep)

    def leave(self, sweep: Pass | None) -> None:
        if sweep is not None:
            self.sweeping.pop()

    # -- small matters --------------------------------------------------------------------

    def lose(self, tensor: Tensor, node: ast.AST, frame: Frame) -> None:
        """A write to a copy: a defect unless something reads the copy later."""
        whole = tensor.base or tensor
        self.lost_writes[id(whole)] = (whole, whole.param, node, frame)

    def found_again(self, value: Value) -> None:
        for part in flatten(value):
            if isinstance(part, Tensor):
                self.lost_writes.pop(id(part.base or part), None)

    def mentions_of(self, node: ast.AST) -> Mentions:
        known = self.mentions.get(node)
        if known is None:
            known = self.mentions[node] = Mentions(node)
        return known

    def sweep_index(self) -> int | None:
        return self.sweeping[-1].index if self.sweeping else None

    def used_fans(self, param: Param) -> Fans:
        """The true fans of a raw parameter, from how it is multiplied with data; None where uses differ."""
        found = list(self.matrices.get(id(param), ()))
        return found[0] if len(found) == 1 else (None, None)

    def genuine_flow(self, param: Param) -> bool:
        """Whether this step surely runs as it stands here, gradients on."""
        return self.certain and not self.orphan


def function_name(frame: Frame) -> str:
    function: Function | None = frame.function
    return function.qualified if function is not None else "<module>"
