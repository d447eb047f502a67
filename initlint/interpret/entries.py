"""Where execution starts: scripts, factories and classes, users before what they use."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from initlint.graph import Context, Unknown
from initlint.interpret import names
from initlint.interpret.classes import is_dictionary
from initlint.interpret.harvest import harvest
from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.initializer_names import INITIALIZERS
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likely_arguments import called_value, is_complete, is_offered, likely_argument, required
from initlint.interpret.machine import ENTRY_FUEL, Arguments, Keywords, OutOfFuel
from initlint.interpret.project import Unit
from initlint.interpret.tensors import Tensor
from initlint.interpret.torch_layers import WEIGHTED, children_of
from initlint.interpret.torch_traversal import named_modules
from initlint.interpret.values import Bound, Class, Frame, Function, Instance, Native, Symbol, Value, options

NOT_TENSORS: Final = frozenset({"int", "float", "bool", "str", "dict", "Dict", "Callable", "Tuple[int"})
INPUTS: Final = re.compile(r"(ids|values|features|inputs?|images?|tokens|text|audio)$")
MOST_EXTRA_METHODS: Final = 12
FILE_FUEL: Final = 3_000_000  # steps of all entries of one file


def run_all(machine: Interpreter, units: list[Unit]) -> list[Context]:
    """Every entry of the files, each as a context."""
    contexts: list[Context] = []
    for unit in units:
        contexts += attempt(machine, unit, "<module>", partial(run_script, machine, unit), genuine=True)
    classes = [c for u in units for c in own_classes(machine, u)]
    for function in by_use([f for u in units for f in factories(machine, u)]):
        if machine.called.get(function.node):
            continue
        genuine = not required(function)
        run = partial(build, machine, function)
        contexts += attempt(machine, function.unit, function.name, run, genuine=genuine, defer=True)
    used = named_by_others(classes)
    for cls in by_use(classes):
        if cls.abstract or not cls.module:
            continue
        offered = is_offered(machine, cls)
        if not offered and (machine.built.get(cls.node) or is_shown(machine, cls)):
            continue
        genuine = is_complete(machine, cls) and (offered or id(cls) not in used)
        contexts += attempt(machine, cls.unit, cls.name, partial(build, machine, cls), genuine=genuine)
    return contexts


def is_shown(machine: Interpreter, cls: Class) -> bool:
    """Whether all of a class was executed as a base of one that was built."""
    own = [function for function in cls.cell.values() if isinstance(function, Function)]
    init = cls.cell.get("__init__")
    built = [init] if isinstance(init, Function) else own
    forward = cls.find("forward")
    if not any(machine.called.get(function.node) for function in built):
        return False
    if isinstance(forward, Function) and not machine.called.get(forward.node):
        return False
    made = machine.built.keys() | machine.entered.keys()
    return any(other is not cls and cls in other.lineage and other.node in made for other in machine.defined)


def attempt(
    machine: Interpreter, unit: Unit, entry: str, run: Callable[[], None], *, genuine: bool, defer: bool = False
) -> Iterator[Context]:
    """Run one entry and harvest what it showed; nothing where it built nothing."""
    machine.begin()
    machine.deferring = defer
    complete = True
    raised = False
    machine.frames.append(unit.frame)
    if machine.spent.get(unit.path, 0) > FILE_FUEL:
        return
    try:
        run()
    except Raised:
        raised = True
    except (OutOfFuel, RecursionError):
        complete = False
    except Exception as error:  # noqa: BLE001 - our own bug: told once for the file, the other entries go on
        machine.faults.append((unit.file, error))
        return
    finally:
        machine.spent[unit.path] = machine.spent.get(unit.path, 0) + ENTRY_FUEL - machine.fuel
    machine.heap.log = None
    if machine.layers or machine.params or machine.incidents or machine.lost_writes:
        machine.fuel = 50_000  # for asking sweeps about late layers
        try:
            context = harvest(machine, entry, unit.file, complete=complete, genuine=genuine)
            yield replace(context, complete=False) if raised else context
        except Exception as error:  # noqa: BLE001 - as above
            machine.faults.append((unit.file, error))


# -- scripts ------------------------------------------------------------------------------


def run_script(machine: Interpreter, unit: Unit) -> None:
    """The module's own statements, then the forward of models they left in variables."""
    memo: dict[ast.AST, bool] = {}
    names.run_statements(machine, unit, [s for s in unit.tree.body if acts(machine, s, unit, memo)], ENTRY_FUEL)
    machine.heap.log = None
    for value in list(unit.cell.values()):
        for option in options(value):
            if isinstance(option, Instance) and option.module and not option.uses:
                show_data(machine, option, unit.frame)


def acts(machine: Interpreter, statement: ast.stmt, unit: Unit, memo: dict[ast.AST, bool]) -> bool:
    """Whether a top-level statement may do more than bind a name that can wait until it is needed."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == INITIALIZERS  # some of the names may not be there
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.Pass)):
        return False
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets) or any(
            isinstance(part, ast.Call) and may_build(machine, part.func, unit, memo, 0) for part in ast.walk(statement)
        )
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def may_build(machine: Interpreter, callee: ast.expr, unit: Unit, memo: dict[ast.AST, bool], depth: int) -> bool:
    """Whether calling this makes a module or a weighted layer."""
    value = called_value(machine, callee, unit)
    if isinstance(value, Class):
        return value.module
    if isinstance(value, Function):
        return builds(machine, value, memo, depth)
    if isinstance(value, Symbol):
        spec = machine.knowledge.layers.get(value.qualified)
        return spec is not None and spec.role in ("weighted", "container", "recurrent", "embedding", "attention")
    return isinstance(value, (Instance, Unknown))


# -- factories and classes ----------------------------------------------------------------


def own_classes(machine: Interpreter, unit: Unit) -> list[Class]:
    found = []
    for name in list(unit.index):
        if any(isinstance(statement, ast.ClassDef) for statement in unit.index[name]):
            value = names.export(machine, unit, name)
            if isinstance(value, Class) and value.unit is unit:
                found.append(value)
    return found


def factories(machine: Interpreter, unit: Unit) -> Iterator[Function]:
    """Top-level functions that build a model."""
    memo: dict[ast.AST, bool] = {}
    for name in list(unit.index):
        if not any(isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)) for s in unit.index[name]):
            continue
        value = names.export(machine, unit, name)
        function = value
        while isinstance(function, Function) and isinstance(function.wrapped, Function):
            function = function.wrapped
        if isinstance(function, Function) and function.unit is unit and builds(machine, function, memo, 0):
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
    for part in ast.walk(function.node):
        if isinstance(part, ast.Return) and part.value is not None and not isinstance(part.value, ast.Constant):
            returns = True
        elif isinstance(part, ast.Call) and not uses:
            uses = may_build(machine, part.func, function.unit, memo, depth + 1)
        elif isinstance(part, ast.Name) and not uses and part.id not in ("self", "cls"):
            value = names.export(machine, function.unit, part.id)  # a class that is handed on
            uses = isinstance(value, Class) and value.module
    memo[function.node] = returns and uses
    return returns and uses


Built = TypeVar("Built", Class, Function)


def by_use(things: list[Built]) -> list[Built]:
    """Those that no other one names come first, the last defined of them first of all."""
    used = named_by_others(things)
    position = {id(thing): -index for index, thing in enumerate(things)}
    return sorted(things, key=lambda thing: (id(thing) in used, position[id(thing)]))


def named_by_others(things: list[Built]) -> set[int]:
    """Which of them the body of another one names, or a table at the top of their files."""
    by_name: dict[str, list[Built]] = {}
    for thing in things:
        by_name.setdefault(thing.name, []).append(thing)
    used: set[int] = set()
    statements = [statement for unit in {thing.unit for thing in things} for statement in unit.tree.body]
    tables: list[ast.stmt] = [
        statement for statement in statements if isinstance(statement, (ast.Assign, ast.AnnAssign))
    ]
    for node in (*(thing.node for thing in things), *tables):
        mentioned = {p.id for p in ast.walk(node) if isinstance(p, ast.Name)}
        mentioned |= {p.attr for p in ast.walk(node) if isinstance(p, ast.Attribute)}
        for name in mentioned:
            used |= {id(other) for other in by_name.get(name, ()) if other.node is not node}
    return used


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
    result = machine.call(target, args, kwargs, target.node, frame)
    if isinstance(target, Class):
        machine.built[target.node] = before
        first = machine.entered.setdefault(target.node, 0)
        machine.entered[target.node] = first + 1
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


# -- forward ------------------------------------------------------------------------------


def show_data(machine: Interpreter, model: Instance, frame: Frame) -> None:
    """Call a model's forward on symbolic data; then methods that use layers which it left out."""
    node = model.cls.node if isinstance(model.cls, Class) else frame.unit.tree.body[-1]
    forward = model.cls.find("forward") if isinstance(model.cls, Class) else None
    results: list[Value] = []
    try:
        if isinstance(forward, Function):
            try:
                results.append(call_with_data(machine, model, forward, node, frame))
            except Raised:  # it asks for more: the decoder's tokens, the image beside the text
                machine.heap.log = None
                results.append(call_with_data(machine, model, forward, node, frame, generous=True))
        elif model.spec is not None and model.spec.role != "module":
            results.append(machine.call(model, [Tensor(machine.emit("input", ()))], {}, node, frame))
    except Raised:
        pass
    machine.heap.log = None
    if isinstance(model.cls, Class):
        results += other_methods(machine, model, node, frame)
    emit_outputs(machine, results)


def other_methods(machine: Interpreter, model: Instance, node: ast.AST, frame: Frame) -> list[Value]:
    """encode, decode, training_step, ...: what nothing has called yet and uses layers that nothing reached."""
    results: list[Value] = []
    reached = {id(layer) for layer in machine.node_layers.values()}
    left = {key for key, child in children_of(model) if holds_unreached(child, reached)}
    if not left:
        return results
    called = 0
    assert isinstance(model.cls, Class)
    for part in model.cls.lineage:
        if not isinstance(part, Class):
            continue
        for name, method in list(part.cell.items()):
            if not isinstance(method, Function) or method.kind or not isinstance(name, str):
                continue
            if name.startswith("__") or "init" in name or "reset" in name or machine.called.get(method.node):
                continue
            if called >= MOST_EXTRA_METHODS:
                return results
            if not any(isinstance(p, ast.Attribute) and p.attr in left for p in ast.walk(method.node)):
                continue
            called += 1
            try:
                results.append(call_with_data(machine, model, method, node, frame))
            except Raised:
                continue
            machine.heap.log = None
    return results


def holds_unreached(module: Instance, reached: set[int]) -> bool:
    """Whether a layer in the module was never called."""
    return any(
        id(inner) not in reached and inner.spec is not None and inner.spec.role in WEIGHTED
        for _, inner in named_modules(module)
    )


def call_with_data(
    machine: Interpreter, model: Instance, method: Function, node: ast.AST, frame: Frame, *, generous: bool = False
) -> Value:
    """Call a method with a symbolic tensor for each parameter that must be a tensor; if `generous`,
    also for those that may be one and are named like a model's input."""
    model.uses += 1
    args = method.node.args
    positional = [*args.posonlyargs, *args.args][1:]
    count = len(positional) - len(args.defaults)
    given: dict[str, Value] = {}
    for index, argument in enumerate(positional):
        kind = ast.unparse(argument.annotation) if argument.annotation is not None else ""
        if index < count or index == 0 or (generous and "Tensor" in kind and INPUTS.search(argument.arg)):
            plain = kind.removeprefix("Optional[").split("[")[0].rstrip("]") in NOT_TENSORS
            given[argument.arg] = (
                Unknown(f"parameter {argument.arg} of {method.qualified}")
                if plain
                else Tensor(machine.emit("input", (), argument.arg))
            )
    for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is None:
            given[argument.arg] = Tensor(machine.emit("input", (), argument.arg))
    extra: list[Value] = []
    if args.vararg is not None and not positional:
        extra = [Tensor(machine.emit("input", (), args.vararg.arg))]
    machine.frames.append(frame)
    try:
        return machine.call(Bound(model, method), extra, given, node, frame)
    finally:
        machine.frames.pop()


def is_record(value: Instance) -> bool:
    """Whether an object stands for its fields: a dataclass, a named tuple, a dictionary. Others (caches) hold state."""
    if not isinstance(value.cls, Class):
        return value.spec is None
    return not value.module and (value.cls.fields is not None or is_dictionary(value.cls) or value.cls.open)


def emit_outputs(machine: Interpreter, results: list[Value]) -> None:
    """What a model returns is where its data ends."""
    stack = list(results)
    seen = 0
    while stack and seen < 500:
        value = stack.pop()
        seen += 1
        if isinstance(value, Tensor):
            if value.node >= 0:
                machine.emit("output", (value.node,))
        elif isinstance(value, tuple):
            stack.extend(value)
        elif hasattr(value, "items") and isinstance(value.items, tuple):
            stack.extend(value.items)
        elif hasattr(value, "cell") and not isinstance(value, (Class, Native)):
            if isinstance(value, Instance) and not is_record(value):
                continue
            stack.extend(value.cell.values())
        else:
            options_of = options(value)
            if len(options_of) > 1:
                stack.extend(options_of)
