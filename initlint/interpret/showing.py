"""Showing data to models: their forward on symbolic tensors, and what their results end in."""

from __future__ import annotations

import ast
import re
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import keras_showing, leftovers
from initlint.interpret.heap import Raised
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.keras_values import KerasObject
from initlint.interpret.tensors import Tensor
from initlint.interpret.torch_layers import WEIGHTED, children_of
from initlint.interpret.torch_traversal import named_modules
from initlint.interpret.trees import walk
from initlint.interpret.values import Bound, Class, Frame, Function, Instance, Native, Value, flatten, options

NOT_TENSORS: Final = frozenset({"int", "float", "bool", "str", "dict", "Dict", "Callable", "Tuple[int"})
INPUTS: Final = re.compile(r"(ids|values|features|inputs?|images?|tokens|text|audio)$")
MOST_EXTRA_METHODS: Final = 12
ENDS: Final = frozenset({"layer", "activation", "attention", "output", "unknown"})  # what a layer's output may feed


def show_rest(machine: Interpreter, frame: Frame) -> None:
    """The forward of models that nothing has used, and the ends of what was computed with the others."""
    for model in (*leftovers.unshown(machine), *keras_showing.unused(machine)):
        show_data(machine, model, frame)
    if machine.outcomes:
        emit_outputs(machine, [Tensor(index) for index in left(machine)])


def left(machine: Interpreter) -> list[int]:
    """The last steps of what code outside of all modules makes of a model's results, where it gives them to nothing
    else: `loss = net(x).sum()`."""
    reached = {t.node for t in flatten(tuple(machine.outcomes)) if isinstance(t, Tensor) and t.node >= 0}
    used: set[int] = set()
    for index, node in enumerate(machine.nodes):
        used.update(node.inputs)
        if node.op not in ENDS and not reached.isdisjoint(node.inputs):
            reached.add(index)
    return sorted(reached - used)


def show_data(machine: Interpreter, model: Instance, frame: Frame) -> None:
    """Call a model's forward on symbolic data; then methods that use layers which it left out."""
    if isinstance(model, KerasObject):
        emit_outputs(machine, keras_showing.show(machine, model, frame))
        return
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
            if name in machine.module_methods:
                continue  # load_state_dict, train, ...: it takes no data
            if called >= MOST_EXTRA_METHODS:
                return results
            if left.isdisjoint(machine.mentions_of(method.node).attributes):
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
    also for those that may be one and are named like a model's input, or are missed where they are None."""
    model.uses += 1
    args = method.node.args
    positional = [*args.posonlyargs, *args.args][1:]
    count = len(positional) - len(args.defaults)
    given: dict[str, Value] = {}
    wanted = missed(method) if generous else frozenset()
    for index, argument in enumerate(positional):
        kind = ast.unparse(argument.annotation) if argument.annotation is not None else ""
        named = generous and (argument.arg in wanted or ("Tensor" in kind and INPUTS.search(argument.arg)))
        if index < count or index == 0 or named:
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


def missed(method: Function) -> frozenset[str]:
    """The parameters for which a method raises where they are None: `if boxes is None: raise ...`."""
    found = set()
    for part in walk(method.node):
        match part:
            case ast.If(test=ast.Compare(ast.Name(name), [ast.Is()], [ast.Constant(None)]), body=[ast.Raise(), *_]):
                found.add(name)
    return frozenset(found)


def is_record(value: Instance) -> bool:
    """Whether an object stands for what it holds: a record, a dictionary, a cache of keys and values."""
    return not value.module if isinstance(value.cls, Class) else value.spec is None


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
