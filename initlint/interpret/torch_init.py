"""Writes to parameters: torch.nn.init, in-place tensor methods, and what is wrong with them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from initlint.graph import History, InitEvent, Scalar, Unknown
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine, function_name
from initlint.interpret.values import (
    Alternatives,
    Frame,
    Function,
    Instance,
    Param,
    Tensor,
    Value,
    View,
)
from initlint.knowledge import InitializerSpec

NAMESPACE: Final = "torch.nn.init"
RANK_OWNERS: Final = frozenset({"dirac", "identity", "sparse"})
# Families whose inner writes may be summed up under the name of the function that makes them.
RANDOM: Final = frozenset(
    "normal uniform trunc_normal xavier_uniform xavier_normal kaiming_uniform kaiming_normal lecun_uniform"
    " lecun_normal variance_scaling orthogonal sparse".split()
)


def initialize(
    machine: Machine, spec: InitializerSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A call of an initializer function: `init.xavier_uniform_(tensor, ...)`."""
    words = dict(kwargs)
    if args:
        target, rest = args[0], args[1:]
    else:
        target, rest = words.pop("tensor", Unknown("no tensor")), []
    given = given_arguments(spec, rest, words)
    check_arguments(machine, spec, given, node, frame)
    return apply_to(machine, spec, target, given, node, frame, target_node(node))


def target_node(node: ast.AST) -> ast.AST:
    """The syntax of the tensor argument of an init call."""
    if isinstance(node, ast.Call):
        if node.args:
            return node.args[0]
        return next((k.value for k in node.keywords if k.arg == "tensor"), node)
    return node


def given_arguments(spec: InitializerSpec, args: Sequence[Value], kwargs: Keywords) -> dict[str, Value]:
    """Arguments as given, under canonical names."""
    given: dict[str, Value] = {}
    for parameter, value in zip(spec.parameters, args, strict=False):
        given[parameter.name] = value
    names = {p.spelled or p.name: p.name for p in spec.parameters} | {p.name: p.name for p in spec.parameters}
    for key, value in kwargs.items():
        if key in names:
            given[names[key]] = value
    given.pop("generator", None)
    return given


def scalar(value: Value) -> Scalar | Unknown:
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    return value if isinstance(value, Unknown) else Unknown("not a plain number")


def event_of(
    machine: Machine, name: str, given: dict[str, Value], node: ast.AST, frame: Frame, spelling: str, covers: bool = True
) -> InitEvent:
    place = frame.unit.place(node)
    return InitEvent(
        name,
        tuple((key, scalar(value)) for key, value in given.items()),
        place,
        spelling,
        True,
        covers,
        machine.sweep_index(),
        function_name(frame),
        machine.calls_now(place),
        machine.certain,
    )


def check_arguments(
    machine: Machine, spec: InitializerSpec, given: dict[str, Value], node: ast.AST, frame: Frame
) -> None:
    """Arguments that the framework rejects."""
    if not spec.fan_based or not spec.technique.startswith("kaiming"):
        return
    nonlinearity = given.get("nonlinearity", "leaky_relu")
    if isinstance(nonlinearity, str) and nonlinearity not in machine.knowledge.gains:
        where = argument_node(spec, "nonlinearity", node)
        machine.incident(
            "unsupported-nonlinearity", where, frame, {"argument": "nonlinearity", "value": nonlinearity, "function": spec.qualified.rpartition(".")[2]}
        )
    elif callable_value(nonlinearity):
        machine.incident(
            "unsupported-nonlinearity", argument_node(spec, "nonlinearity", node), frame,
            {"argument": "nonlinearity", "value": "a function", "function": spec.qualified.rpartition(".")[2]},
        )  # fmt: skip
    mode = given.get("mode", "fan_in")
    if isinstance(mode, str) and mode.lower() not in ("fan_in", "fan_out"):
        machine.incident(
            "unsupported-nonlinearity", argument_node(spec, "mode", node), frame,
            {"argument": "mode", "value": mode, "function": spec.qualified.rpartition(".")[2]},
        )  # fmt: skip
    slope = given.get("a", 0)
    if isinstance(slope, str) and nonlinearity == "leaky_relu":
        machine.incident(
            "unsupported-nonlinearity", argument_node(spec, "a", node), frame,
            {"argument": "a", "value": slope, "function": spec.qualified.rpartition(".")[2]},
        )  # fmt: skip


def callable_value(value: Value) -> bool:
    return isinstance(value, (Function, Instance))


def argument_node(spec: InitializerSpec, name: str, node: ast.AST) -> ast.AST:
    """Where the argument `name` stands in the call."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == name:
                return keyword.value
        position = next((i for i, p in enumerate(spec.parameters, start=1) if p.name == name), 0)
        if 0 < position < len(node.args) and not any(isinstance(a, ast.Starred) for a in node.args):
            return node.args[position]
    return node


def apply_to(
    machine: Machine,
    spec: InitializerSpec,
    target: Value,
    given: dict[str, Value],
    node: ast.AST,
    frame: Frame,
    where: ast.AST,
) -> Value:
    """Write to whatever `target` is."""
    name = spec.technique
    function = spec.qualified.rpartition(".")[2]
    if isinstance(target, Alternatives):
        kept = [option for option in target.options if isinstance(option, (Param, View, Tensor, Instance))]
        if len(kept) == 1 and len(target.options) == 1:
            return apply_to(machine, spec, kept[0], given, node, frame, where)
        machine.heap.fork(
            [lambda option=option: apply_to(machine, spec, option, given, node, frame, where) for option in kept]  # type: ignore[misc]
            or [lambda: None]
        )
        return target
    if isinstance(target, (Param, View)):
        check_rank(machine, spec, target, node, frame)
        param = target.param if isinstance(target, View) else target
        covers = target.whole if isinstance(target, View) else True
        machine.write(param, event_of(machine, name, given, node, frame, spec.qualified, covers))
    elif isinstance(target, Tensor):
        if target.shape is not None:
            check_shape(machine, spec, target.shape, None, node, frame)
        event = event_of(machine, name, given, node, frame, spec.qualified)
        if target.param is not None and target.content is None:
            machine.lose(target, where, frame)
        target.content = event
    elif isinstance(target, Instance) and target.module:
        machine.incident("init-of-module", where, frame, {"function": function, "module": target.name}, target)
    elif target is None:
        machine.incident("missing-bias", where, frame, {"function": function, "expression": ast.unparse(where)})
    return target


def check_rank(machine: Machine, spec: InitializerSpec, target: Param | View, node: ast.AST, frame: Frame) -> None:
    if target.shape is not None:
        param = target.param if isinstance(target, View) else target
        check_shape(machine, spec, target.shape, param, node, frame)


def check_shape(
    machine: Machine, spec: InitializerSpec, shape: Sequence[int | None], param: Param | None, node: ast.AST, frame: Frame
) -> None:
    rank = len(shape)
    if spec.minimum_rank <= rank <= spec.maximum_rank:
        return
    kind = "wrong-rank" if spec.technique in RANK_OWNERS else "fan-of-vector"
    facts = {
        "function": spec.qualified.rpartition(".")[2],
        "rank": str(rank),
        "shape": "x".join("?" if size is None else str(size) for size in shape),
        "needs": str(spec.minimum_rank) if rank < spec.minimum_rank else str(spec.maximum_rank),
        "expression": ast.unparse(target_node(node)),
    }
    machine.incident(kind, node, frame, facts, param)


# -- in-place methods ---------------------------------------------------------------------


def inplace(
    machine: Machine,
    spec: InitializerSpec,
    target: Param | View,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> Value:
    """`weight.normal_(...)`, `weight.data.copy_(...)`."""
    param = target.param if isinstance(target, View) else target
    check_leaf(machine, target, spec.qualified.rpartition(".")[2], node, frame)
    covers = target.whole if isinstance(target, View) else True
    given = given_arguments(spec, args, kwargs)
    if spec.technique == "copy":
        copy_into(machine, param, given.get("src"), covers, node, frame, spec.qualified)
    else:
        machine.write(param, event_of(machine, spec.technique, given, node, frame, spec.qualified, covers))
    return target


def copy_into(
    machine: Machine, param: Param, source: Value, covers: bool, node: ast.AST, frame: Frame, spelling: str
) -> None:
    """The parameter takes another tensor's values: how those came to be is how it is initialized."""
    if isinstance(source, Tensor) and source.content is not None and source.content.name != "empty":
        content = source.content
        given: dict[str, Value] = dict(content.args)
        machine.write(param, event_of(machine, content.name, given, node, frame, spelling, covers))
    elif isinstance(source, (int, float)):
        machine.write(param, event_of(machine, "constant", {"val": source}, node, frame, spelling, covers))
    else:
        why = source.why if isinstance(source, Unknown) else "copied from another tensor"
        machine.write(param, event_of(machine, "unknown", {"why": why}, node, frame, spelling, covers))


def check_leaf(machine: Machine, target: Param | View, method: str, node: ast.AST, frame: Frame) -> None:
    """In-place on a leaf that requires grad, or on a view of it, outside no_grad: torch raises."""
    param = target.param if isinstance(target, View) else target
    detached = target.detached if isinstance(target, View) else False
    if not detached and machine.no_grad == 0 and param.trainable is True and machine.genuine_flow(param):
        machine.incident("inplace-on-leaf", node, frame, {"method": method, "expression": ast.unparse(node)}, param)


def transform(
    machine: Machine, target: Param | View, method: str, args: Arguments, node: ast.AST, frame: Frame
) -> Value:
    """An in-place change that is no initializer: what was there is scaled, shifted or cut."""
    param = target.param if isinstance(target, View) else target
    check_leaf(machine, target, method, node, frame)
    whole = target.whole if isinstance(target, View) else True
    amount = args[0] if args else None
    histories = []
    for history in param.histories:
        last = history[-1] if history else None
        changed = changed_law(last, method, args) if whole and last is not None and last.covers else None
        if changed is not None:
            args_now = {key: value for key, value in changed.items() if key != "name"}
            event = event_of(machine, str(changed["name"]), args_now, node, frame, f"Tensor.{method}")
        else:
            event = event_of(machine, method.rstrip("_"), {"val": amount}, node, frame, f"Tensor.{method}", False)
        histories.append((*history, event))
    replace_histories(machine, param, tuple(dict.fromkeys(histories)))
    return target


def replace_histories(machine: Machine, param: Param, histories: tuple[History, ...]) -> None:
    machine.heap.write(param.cell, "histories", histories)
    for sweep in machine.sweeping:
        sweep.wrote[id(param)] = param


def changed_law(event: InitEvent, method: str, args: Arguments) -> dict[str, Value] | None:
    """Name and arguments after an in-place step, where the law stays a named one."""
    numbers = {key: value for key, value in event.args}
    amount = args[0] if args else None
    if event.name == "uniform" and method == "erfinv_":  # the inverse of the normal distribution's integral
        return {"name": "trunc_normal", "mean": 0.0, "std": 0.7071067811865476}
    if method in ("mul_", "div_") and isinstance(amount, (int, float)) and amount:
        factor = amount if method == "mul_" else 1 / amount
        return scaled(event, factor)
    if method in ("add_", "sub_") and isinstance(amount, (int, float)) and event.name in ("normal", "trunc_normal"):
        shift = amount if method == "add_" else -amount
        mean = numbers.get("mean", 0.0)
        if isinstance(mean, (int, float)):
            return {"name": event.name, **numbers, "mean": mean + shift}
    return None


def scaled(event: InitEvent, factor: float) -> dict[str, Value] | None:
    """The law of `factor` times a tensor with this law, where it has a name."""
    numbers: dict[str, Value] = dict(event.args)
    defaults: dict[str, dict[str, float]] = {
        "normal": {"mean": 0.0, "std": 1.0},
        "trunc_normal": {"mean": 0.0, "std": 1.0},
        "uniform": {"a": 0.0, "b": 1.0},
        "constant": {"val": 0.0},
        "orthogonal": {"gain": 1.0},
        "xavier_uniform": {"gain": 1.0},
        "xavier_normal": {"gain": 1.0},
    }
    if event.name in ("zeros",):
        return {"name": "zeros"}
    if event.name == "ones":
        return {"name": "constant", "val": factor}
    if event.name not in defaults:
        return None
    result: dict[str, Value] = {"name": event.name}
    for key, default in defaults[event.name].items():
        value = numbers.get(key, default)
        if not isinstance(value, (int, float)):
            result[key] = value
        else:
            result[key] = value * abs(factor) if key in ("std", "gain") else value * factor
    if event.name == "uniform" and factor < 0:
        result["a"], result["b"] = result["b"], result["a"]
    return result


# -- wrappers -----------------------------------------------------------------------------


def technique_of(machine: Machine, function: Function) -> InitializerSpec | None:
    """The initializer that a project function is by its name: trunc_normal_, lecun_normal_."""
    name = function.name.strip("_").lower()
    for candidate in (f"{NAMESPACE}.{name}_", f"timm.layers.{name}_"):
        spec = machine.knowledge.initializers.get(candidate)
        if spec is not None and spec.technique in RANDOM:
            return spec
    return None


def mark_writes(machine: Machine, function: Function, args: Arguments) -> tuple[Param, int, InitializerSpec] | None:
    """Before a function named like an initializer runs on a parameter: what the parameter has seen."""
    if not args or function.owner is not None:
        return None
    target = args[0].param if isinstance(args[0], View) and args[0].whole else args[0]
    if not isinstance(target, Param):
        return None
    spec = technique_of(machine, function)
    return (target, len(target.histories[0]), spec) if spec is not None else None


def name_writes(
    machine: Machine,
    before: tuple[Param, int, InitializerSpec],
    function: Function,
    inner: Frame,
    node: ast.AST,
    frame: Frame,
) -> None:
    """Sum up what such a function wrote as one write of that initializer, if its steps fit."""
    param, count, spec = before
    histories = param.histories
    if any(len(history) <= count for history in histories):
        return
    written = [event for history in histories for event in history[count:] if event.covers]
    if not written or any(event.name not in RANDOM and event.name != "unknown" for event in written):
        return
    names = {p.name for p in spec.parameters}
    parameters = [a.arg for a in (*inner.function.node.args.args, *inner.function.node.args.kwonlyargs)][1:]  # type: ignore[union-attr]
    given = {name: inner.cell[name] for name in parameters if name in names and name in inner.cell}
    event = event_of(machine, spec.technique, given, node, frame, function.name)
    replace_histories(machine, param, tuple(dict.fromkeys((*history[:count], event) for history in histories)))


# -- numbers ------------------------------------------------------------------------------


def fans_of(shape: Sequence[int | None] | None) -> tuple[int | None, int | None]:
    """fan_in and fan_out as torch computes them from a weight's shape."""
    if shape is None or len(shape) < 2:
        return None, None
    field = 1
    for size in shape[2:]:
        if size is None:
            return None, None
        field *= size
    return (
        shape[1] * field if shape[1] is not None else None,
        shape[0] * field if shape[0] is not None else None,
    )


def calculate_fans(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    target = args[0] if args else kwargs.get("tensor")
    shape = target.shape if isinstance(target, (Param, View, Tensor)) else None
    return tuple(Unknown("a fan") if fan is None else fan for fan in fans_of(shape))


def calculate_fan(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    fans = calculate_fans(machine, args[:1], kwargs, node, frame)
    mode = args[1] if len(args) > 1 else kwargs.get("mode")
    if isinstance(fans, tuple) and mode in ("fan_in", "fan_out"):
        return fans[mode == "fan_out"]
    return Unknown("a fan")


def calculate_gain(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """torch.nn.init.calculate_gain, from the table; an unknown name raises there."""
    name = args[0] if args else kwargs.get("nonlinearity")
    slope = args[1] if len(args) > 1 else kwargs.get("param")
    if isinstance(name, Alternatives):
        return machine.each(name, lambda option: calculate_gain(machine, [option, slope], {}, node, frame))
    if not isinstance(name, str):
        return Unknown("a gain")
    gain = machine.knowledge.gains.get(name)
    if gain is None:
        machine.incident(
            "unsupported-nonlinearity", target_node(node), frame,
            {"argument": "nonlinearity", "value": name, "function": "calculate_gain"},
        )  # fmt: skip
        return Unknown("a gain that torch does not know")
    if name == "leaky_relu" and slope is not None:
        if isinstance(slope, (int, float)) and not isinstance(slope, bool):
            return float((2.0 / (1 + slope**2)) ** 0.5)
        return Unknown("a gain")
    return gain


HANDLERS: Final[dict[str, Handler]] = {
    f"{NAMESPACE}._calculate_fan_in_and_fan_out": calculate_fans,
    f"{NAMESPACE}._calculate_correct_fan": calculate_fan,
    f"{NAMESPACE}.calculate_gain": calculate_gain,
}
