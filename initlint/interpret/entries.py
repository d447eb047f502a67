"""Where execution starts: scripts, factories and classes, users before what they use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from typing import Final

from initlint import garbage
from initlint.graph import Context, Unknown
from initlint.interpret import keras_showing, leftovers, names
from initlint.interpret.harvest import harvest
from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.initializer_names import INITIALIZERS, KERAS
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likely_arguments import (
    called_value,
    in_annotations,
    is_complete,
    is_offered,
    likely_argument,
    omissible,
    required,
)
from initlint.interpret.likeness import Leaf
from initlint.interpret.machine import ENTRY_FUEL, Arguments, Keywords, OutOfFuel
from initlint.interpret.methods_seen import name_place
from initlint.interpret.mutual_use import by_use, named_by_others
from initlint.interpret.project import Unit
from initlint.interpret.shares import Apart, divided
from initlint.interpret.showing import show_data, show_rest
from initlint.interpret.tensors import Tensor
from initlint.interpret.trees import walk
from initlint.interpret.upkeep import again, forget_tensors, tidy
from initlint.interpret.values import Class, Function, Instance, Symbol, Value, options
from initlint.interpret.worthwhile import worth_running

MAKERS: Final = frozenset({"torch.nn.utils.skip_init"})  # that build what class they are given
FILE_FUEL: Final = 3_000_000  # steps of all entries of one file
AROUND_FUEL: Final = 200_000  # steps of all entries of files that were not named
AROUND: Final = ""  # their account
SCRIPT: Final = "<module>"  # the entry of a file's own statements


def run_all(machine: Interpreter, units: list[Unit], jobs: int, meanwhile: Callable[[], object]) -> list[Context]:
    """Every entry of the files, each as a context, on up to `jobs` processes (0: as many as pay). `meanwhile` may be
    called while other processes are at work."""
    contexts: list[Context] = []
    for unit in units:
        contexts += attempt(machine, unit, SCRIPT, partial(run_script, machine, unit), genuine=True)
        forget_tensors(unit)
    classes = [c for u in units for c in own_classes(machine, u)]
    makers = [f for u in units for f in factories(machine, u)]
    helpers = named_by_others(machine, makers)
    builders = by_use(machine, makers, helpers)
    used = cache(partial(named_by_others, machine, classes))
    apart = Apart(machine, jobs)
    chosen, offers = worth_running(machine, builders, survey, apart, meanwhile)
    shares = divided(machine, chosen, offers, builders)
    contexts += apart.run(chosen, shares, partial(run_factory, machine, helpers), used)
    del apart  # and what it keeps of the files
    others = [f for u in units for f in own_functions(machine, u)]
    for target in leftovers.keepers(machine, others, classes, partial(builds, machine, memo={}, depth=0)):
        before = dict(machine.built)
        init = target if isinstance(target, Function) else target.find("__init__")
        genuine = not (isinstance(init, Function) and required(init))
        run = partial(keep, machine, target)
        for context in attempt(machine, target.unit, target.name, run, genuine=genuine, named=target):
            if not context.complete:
                machine.built = before  # what it was to show, the classes themselves show
            contexts.append(context)
    alone: list[tuple[int, Class]] = []
    for cls in by_use(machine, classes, used()):
        if cls.abstract or not cls.module:
            continue
        offered = is_offered(machine, cls)
        if not offered and (machine.built.get(cls.node) or leftovers.is_shown(machine, cls)):
            continue
        genuine = is_complete(machine, cls) and (offered or id(cls) not in used())
        run = partial(build, machine, cls)
        told = partial(attempt, machine, cls.unit, cls.name, run, genuine=genuine, named=cls)
        for context in told(offered=offered, used=id(cls) in used() and not offered):
            alone += [] if offered else [(len(contexts), cls)]
            contexts.append(context)
    for index, cls in alone:
        if machine.built.get(cls.node):
            contexts[index] = replace(contexts[index], part=True)
    for unit in units:
        if uncalled := leftovers.orphans(machine, unit):
            run = partial(leftovers.run_orphans, machine, uncalled, unit.frame)
            contexts += attempt(machine, unit, "<uncalled>", run, genuine=False)
    return contexts


def run_factory(machine: Interpreter, helpers: Container[int], function: Function) -> Iterator[Context]:
    """`helpers` are the functions that other ones name, by their identity."""
    genuine = not required(function)
    if not genuine and leftovers.has_run(machine, function):
        return  # another one has called it, and knew what to give
    run = partial(build, machine, function)
    told = partial(attempt, machine, function.unit, function.name, run, genuine=genuine, defer=True, named=function)
    yield from told(used=id(function) in helpers)


def survey(machine: Interpreter, function: Function) -> tuple[frozenset[Leaf], bool]:
    """What models a factory would build, and whether that is all that it does."""
    machine.begin()
    tidy(machine)
    machine.deferring = machine.surveying = True
    machine.frames.append(function.unit.frame)
    idle = False
    with suppress(Exception), budgeted(machine, function.unit, function.name):  # a bug is told by the run in earnest
        build(machine, function)
        idle = not (machine.layers or machine.params or machine.incidents or machine.lost_writes)
    machine.heap.log = None
    return frozenset().union(*machine.offers), idle


def keep(machine: Interpreter, target: Function | Class) -> None:
    """Run what builds a model for itself."""
    build(machine, target)
    show_rest(machine, target.unit.frame)


def attempt(
    machine: Interpreter,
    unit: Unit,
    entry: str,
    run: Callable[[], None],
    *,
    genuine: bool,
    defer: bool = False,
    named: Function | Class | None = None,
    offered: bool = False,
    used: bool = False,
) -> Iterator[Context]:
    """Run one entry and harvest what it showed; nothing where it built nothing. `used` is one that other code of the
    project names, though no entry has shown it calling this one."""
    machine.begin()
    tidy(machine)
    machine.deferring = defer
    complete = True
    raised = False
    machine.frames.append(unit.frame)
    if fuel_left(machine, unit, entry) <= 0:
        return
    try:
        with budgeted(machine, unit, entry):
            run()
    except Raised:
        raised = True
    except (OutOfFuel, RecursionError):
        complete = False
        for cls in {leaf[0] for offer in machine.offers for leaf in offer}:
            machine.exhausted[cls] = machine.exhausted.get(cls, 0) + 1
    except Exception as error:  # noqa: BLE001 - our own bug: told once for the file, the other entries go on
        machine.faults.append((unit.file, error))
        return
    machine.heap.log = None
    if machine.layers or machine.params or machine.incidents or machine.lost_writes:
        machine.fuel = 50_000  # for asking sweeps about late layers
        built, place = isinstance(named, Class) and named.module, name_place(named.unit, named) if named else None
        try:
            early = "its construction ends early" if raised and built and not machine.constructed else ""
            context = harvest(machine, entry, unit.file, stopped=early if complete else "budget", genuine=genuine)
            ended, unsettled = complete and not raised, used or machine.loaded
            whole = replace(context, complete=ended, place=place, built=built, offered=offered, unsettled=unsettled)
            yield machine.facts.context(whole) if garbage.is_large(machine.project.size) else whole
        except Exception as error:  # noqa: BLE001 - as above
            machine.faults.append((unit.file, error))


def fuel_left(machine: Interpreter, unit: Unit, entry: str) -> int:
    """The steps that an entry of the file may still take. Files around the named ones share theirs, and have those
    entries only that lead to named ones."""
    if unit.leads is None:
        return FILE_FUEL - machine.spent.get(unit.path, 0)
    return AROUND_FUEL - machine.spent.get(AROUND, 0) if entry == SCRIPT or entry in unit.leads else 0


@contextmanager
def budgeted(machine: Interpreter, unit: Unit, entry: str) -> Iterator[None]:
    """Give an entry its steps, and charge those that it took to its file."""
    budget = machine.fuel = min(ENTRY_FUEL, fuel_left(machine, unit, entry))
    try:
        yield
    finally:
        spend(machine, unit, budget - machine.fuel)


def spend(machine: Interpreter, unit: Unit, steps: int) -> None:
    account = unit.path if unit.leads is None else AROUND
    machine.spent[account] = machine.spent.get(account, 0) + steps


def around_spent(machine: Interpreter) -> bool:
    """Whether files around the named ones were left unread in part."""
    return machine.spent.get(AROUND, 0) >= AROUND_FUEL


# -- scripts ------------------------------------------------------------------------------


def run_script(machine: Interpreter, unit: Unit) -> None:
    """The module's own statements, then the forward of models they left in variables."""
    memo: dict[ast.AST, bool] = {}
    ended = True
    for statement in [s for s in unit.tree.body if leads(unit, s) and acts(machine, s, unit, memo)]:
        fuel = min(ENTRY_FUEL, fuel_left(machine, unit, SCRIPT))
        if fuel <= 0:
            raise OutOfFuel
        before, (steps, sufficed) = machine.heap.serial, names.run_statements(machine, unit, [statement], fuel)
        spend(machine, unit, steps)
        if not sufficed:
            ended = False
            leftovers.cut_off(machine, before)
    machine.heap.log = None
    for value in list(unit.cell.values()):
        for option in options(value):
            if isinstance(option, Instance) and option.module and not option.uses:
                show_data(machine, option, unit.frame)
    show_rest(machine, unit.frame)
    if not ended:
        raise OutOfFuel


def leads(unit: Unit, statement: ast.stmt) -> bool:
    """Whether a statement is of interest: in a file around the named ones, it has a name that leads to those."""
    names_ = unit.leads
    return names_ is None or any(isinstance(part, ast.Name) and part.id in names_ for part in ast.walk(statement))


def acts(machine: Interpreter, statement: ast.stmt, unit: Unit, memo: dict[ast.AST, bool]) -> bool:
    """Whether a top-level statement may do more than bind a name that can wait until it is needed."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == INITIALIZERS or (statement.module or "").endswith(KERAS)  # names may not be there
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.Pass)):
        return False
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        if "keras" in unit.source.text:
            return True  # tensors of the functional API: each name may be another one at each line
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets) or any(
            isinstance(part, ast.Call)
            and (initializes(machine, part.func, unit) or may_build(machine, part.func, unit, memo, 0))
            for part in walk(statement)
        )
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def initializes(machine: Interpreter, callee: ast.expr, unit: Unit) -> bool:
    """Whether calling this writes weights: `_ = nn.init.zeros_(w)`, `_ = w.zero_()`, `_ = net.apply(init)`."""
    known = machine.knowledge.initializers
    if isinstance(callee, ast.Attribute) and (callee.attr == "apply" or f"Tensor.{callee.attr}" in known):
        return True
    value = called_value(machine, callee, unit)
    return isinstance(value, Symbol) and value.qualified in known


def may_build(machine: Interpreter, callee: ast.expr, unit: Unit, memo: dict[ast.AST, bool], depth: int) -> bool:
    """Whether calling this makes a module or a weighted layer."""
    value = called_value(machine, callee, unit)
    if isinstance(value, Class):
        return value.module
    if isinstance(value, Function):
        return builds(machine, value, memo, depth)
    if isinstance(value, Symbol):
        spec = machine.knowledge.layers.get(value.qualified)
        if value.qualified in MAKERS:
            return True
        makers = ("weighted", "container", "recurrent", "embedding", "attention")
        return spec is not None and (spec.role in makers or spec.qualified == "keras.Model")
    return isinstance(value, (Instance, Unknown))


# -- factories and classes ----------------------------------------------------------------


def own_classes(machine: Interpreter, unit: Unit) -> list[Class]:
    found = []
    tidy(machine)
    for name in list(unit.index):
        if any(isinstance(statement, ast.ClassDef) for statement in unit.index[name]):
            value = names.export(machine, unit, name)
            if isinstance(value, Class) and value.unit is unit:
                found.append(value)
    return found


def factories(machine: Interpreter, unit: Unit) -> list[Function]:
    """Top-level functions that build a model."""
    memo: dict[ast.AST, bool] = {}
    tidy(machine)
    return [function for function in own_functions(machine, unit) if builds(machine, function, memo, 0)]


def own_functions(machine: Interpreter, unit: Unit) -> Iterator[Function]:
    for name in list(unit.index):
        if not any(isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)) for s in unit.index[name]):
            continue
        value = names.export(machine, unit, name)
        function = value
        while isinstance(function, Function) and isinstance(function.wrapped, Function):
            function = function.wrapped
        if isinstance(function, Function) and function.unit is unit:
            yield function


def builds(machine: Interpreter, function: Function, memo: dict[ast.AST, bool], depth: int) -> bool:
    """Whether the body names a module class or another function that builds one, and returns something."""
    known = memo.get(function.node)
    if known is not None:
        return known
    memo[function.node] = False
    if depth > 4 or isinstance(function.node, ast.Lambda):
        return False
    returns = False
    uses = False
    said: set[int] | None = None  # names in annotations: objects of those classes are given, not built
    for part in walk(function.node):
        if isinstance(part, ast.Return) and part.value is not None and not isinstance(part.value, ast.Constant):
            returns = True
        elif isinstance(part, ast.Call) and not uses:
            uses = may_build(machine, part.func, function.unit, memo, depth + 1)
        elif isinstance(part, ast.Name) and not uses and part.id not in ("self", "cls"):
            value = names.export(machine, function.unit, part.id)  # a class that is handed on
            if isinstance(value, Class) and value.module:
                said = in_annotations(function) if said is None else said
                uses = id(part) not in said
    memo[function.node] = returns and uses
    return returns and uses


def build(machine: Interpreter, target: Function | Class) -> None:
    """Call a factory, or construct a class, with its defaults; then show the result some data."""
    unit = target.unit
    frame = unit.frame
    function: Value = target
    if isinstance(target, Class):
        function = target.find("__init__")
        if function is MISSING or not isinstance(function, Function):
            function = None
    args: Arguments = []
    kwargs: Keywords = {}
    if isinstance(function, Function):
        for name in required(function):
            kwargs[name] = likely_argument(machine, function, name, target)
    before = machine.built.get(target.node, 0)
    refusal: Raised | None = None
    try:
        result = machine.call(target, args, kwargs, target.node, frame)
    except Raised as error:
        omitted = omissible(function) if isinstance(function, Function) else []
        if not omitted or ((machine.layers or machine.params) and not isinstance(target, Class)):
            raise
        refusal = error
        again(machine)
        given = {name: Unknown(f"parameter {name} of {target.name}") for name in omitted}
        try:  # it refuses None: its users give something
            result = machine.call(target, args, {**kwargs, **given}, target.node, frame)
        except Raised:
            again(machine)
            machine.call(target, args, kwargs, target.node, frame)
            raise
    if isinstance(target, Class):
        machine.built[target.node] = before
        first = machine.entered.setdefault(target.node, 0)
        machine.entered[target.node] = first + 1
        machine.constructed = True
    stack = [result]
    seen = 0
    while stack and seen < 8:
        value = stack.pop()
        seen += 1
        for option in options(value):
            if isinstance(option, Instance) and option.module and not option.uses:
                show_data(machine, option, frame)
            elif isinstance(option, tuple):
                stack.extend(option)
            elif isinstance(option, Tensor) and option.node >= 0:
                machine.emit("unknown", (option.node,), "what the caller does with it")
    for model in keras_showing.unused(machine):
        show_data(machine, model, frame)
    if refusal is not None:
        raise refusal  # the defaults build nothing: what was shown is not all
