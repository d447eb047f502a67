"""Writes to parameters: torch.nn.init, in-place tensor methods, and what is wrong with them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from initlint.graph import PASSED, History, InitEvent, Scalar, Unknown
from initlint.interpret.hand_written import fan_of
from initlint.interpret.machine import Arguments, Keywords, Machine, function_name
from initlint.interpret.pieces import extended, placed, rows_of
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_laws import changed_law, factor_of
from initlint.interpret.values import Alternatives, Frame, Function, Instance, Value, options
from initlint.knowledge import InitializerSpec
from initlint.source import Place

NAMESPACE: Final = "torch.nn.init"
RANK_OWNERS: Final = frozenset({"dirac", "identity", "sparse"})


def initialize(
    machine: Machine, spec: InitializerSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A call of an initializer function: `init.xavier_uniform_(tensor, ...)`."""
    words = dict(kwargs)
    if args:
        target, rest = args[0], args[1:]
    else:
        target, rest = words.pop("tensor", Unknown("no tensor")), []
    given = chosen(spec, given_arguments(spec, rest, words), node)
    if node not in machine.spans:
        machine.spans[node] = argument_spans(spec, given, node, frame)
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


def chosen(spec: InitializerSpec, given: dict[str, Value], node: ast.AST) -> dict[str, Value]:
    """The arguments without those that a wrapper passes on, and that are what the initializer assumes anyway."""
    defaults = {p.name: p.default for p in spec.parameters}
    return {
        name: value
        for name, value in given.items()
        if not (
            isinstance(value, (int, float, str))
            and value == defaults.get(name)
            and isinstance(argument_node(spec, name, node), ast.Name)
        )
    }


def scalar(value: Value) -> Scalar | Unknown:
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    return value if isinstance(value, Unknown) else Unknown("not a plain number")


def event_of(
    machine: Machine,
    name: str,
    given: dict[str, Value],
    node: ast.AST,
    frame: Frame,
    spelling: str,
    covers: bool = True,
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
        machine.spans.get(node, ()),
        fan=fan_of(machine, name, given, node, frame),
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
            "unsupported-nonlinearity",
            where,
            frame,
            {"argument": "nonlinearity", "value": nonlinearity, "function": spec.qualified.rpartition(".")[2]},
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


def argument_spans(
    spec: InitializerSpec, given: Mapping[str, Value], node: ast.AST, frame: Frame
) -> tuple[tuple[str, Place], ...]:
    """Where each argument stands; none for one that no expression of its own in the call gives."""
    at = {name: argument_node(spec, name, node) for name in given}
    names = [(name, part) for name, part in at.items() if isinstance(part, ast.Name) and is_passed(part.id, frame)]
    at |= {f"{PASSED}{name} {part.id}": part for name, part in names}
    return tuple((name, frame.unit.place(part)) for name, part in at.items() if part is not node)


def is_passed(name: str, frame: Frame) -> bool:
    """Whether it is a parameter of the running function."""
    taken = frame.function.node.args if frame.function is not None else None
    return taken is not None and any(one.arg == name for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs))


def argument_node(spec: InitializerSpec, name: str, node: ast.AST) -> ast.AST:
    """Where the argument `name` stands in the call."""
    spelled = {name, *(p.spelled for p in spec.parameters if p.name == name and p.spelled)}
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg in spelled:
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
        machine.write(param, placed(event_of(machine, name, given, node, frame, spec.qualified), target))
    elif isinstance(target, Tensor):
        if target.shape is not None:
            check_shape(machine, spec, target.shape, None, node, frame)
        event = event_of(machine, name, given, node, frame, spec.qualified)
        if target.param is not None and target.content is None:
            machine.lose(target, where, frame)
        target.overwrite(event)
    elif isinstance(target, Instance) and target.module:
        own = " ".join(str(k) for k, v in target.cell.items() if any(isinstance(o, Param) for o in options(v)))
        facts = {"function": function, "module": target.name, "own": own}
        machine.incident("init-of-module", where, frame, facts, target)
    elif target is None:
        machine.incident("missing-bias", where, frame, {"function": function, "expression": ast.unparse(where)})
    return target


def check_rank(machine: Machine, spec: InitializerSpec, target: Param | View, node: ast.AST, frame: Frame) -> None:
    if target.shape is not None:
        param = target.param if isinstance(target, View) else target
        check_shape(machine, spec, target.shape, param, node, frame)


def check_shape(
    machine: Machine,
    spec: InitializerSpec,
    shape: Sequence[int | None],
    param: Param | None,
    node: ast.AST,
    frame: Frame,
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
    given = given_arguments(spec, args, kwargs)
    if spec.technique == "copy":
        copy_into(machine, target, given.get("src"), node, frame, spec.qualified)
    else:
        machine.write(param, placed(event_of(machine, spec.technique, given, node, frame, spec.qualified), target))
    return target


def copy_into(
    machine: Machine, target: Param | View, source: Value, node: ast.AST, frame: Frame, spelling: str
) -> None:
    """The parameter takes another tensor's values: how those came to be is how it is initialized."""
    param = target.param if isinstance(target, View) else target
    taken = values_of(source)
    if taken:
        events = [
            replace(e, maker=0)  # equal because it was copied, not because of who drew it
            if e.explicit and e.place is not None  # what was chosen there is what both have
            else replace(copied(e, event_of(machine, e.name, dict(e.args), node, frame, spelling)), explicit=e.explicit)
            for e in taken  # a copy of a default is nobody's choice either
        ]
        histories = (extended(h, placed(event, target)) for h in param.histories for event in events)
        replace_histories(machine, param, tuple(dict.fromkeys(histories)))
    elif isinstance(source, Tensor) and source.content is not None and source.content.name != "empty":
        content = source.content
        given: dict[str, Value] = dict(content.args)
        called = content.explicit and content.spelling.startswith(f"{NAMESPACE}.")
        event = content if called else copied(content, event_of(machine, content.name, given, node, frame, spelling))
        machine.write(param, placed(event, target))
    elif isinstance(source, (int, float)):
        machine.write(param, placed(event_of(machine, "constant", {"val": source}, node, frame, spelling), target))
    else:
        why = source.why if isinstance(source, Unknown) else "copied from another tensor"
        machine.write(param, placed(event_of(machine, "unknown", {"why": why}, node, frame, spelling), target))


def write_out(machine: Machine, target: Value, made: Value, node: ast.AST, frame: Frame) -> Value:
    """What a function writes to the tensor that it is given as `out`."""
    for option in options(target):
        if isinstance(option, (Param, View)):
            copy_into(machine, option, made, node, frame, "torch.out")
        elif isinstance(option, Tensor) and option.node < 0:
            content = made.content if isinstance(made, Tensor) else None
            unknown: dict[str, Value] = {"why": "written as the `out` of a function"}
            option.overwrite(content or event_of(machine, "unknown", unknown, node, frame, "torch.out"))
    return target


def copied(original: InitEvent, copy: InitEvent) -> InitEvent:
    """The event of copied values, which keep how their scale was computed."""
    return replace(copy, fan=original.fan) if original.fan is not None else copy


def values_of(source: Value) -> tuple[InitEvent, ...]:
    """The writes behind a tensor's values, where these are a parameter's, all of them and unchanged."""
    if isinstance(source, Param):
        return endings_of(source)
    if isinstance(source, View):
        return endings_of(source.param) if source.whole else ()
    return source.origin if isinstance(source, Tensor) and source.content is None else ()


def endings_of(param: Param) -> tuple[InitEvent, ...]:
    """The writes that made a parameter's values what they are, one for each way through the code."""
    found: dict[InitEvent, None] = {}
    for history in param.histories:
        last = history[-1] if history else None
        found[last if last is not None and last.covers else InitEvent("unknown", explicit=True)] = None
    return tuple(found)


def check_leaf(machine: Machine, target: Param | View, method: str, node: ast.AST, frame: Frame) -> None:
    """In-place on a leaf that requires grad, or on a view of it, outside no_grad: torch raises."""
    param = target.param if isinstance(target, View) else target
    detached = target.detached if isinstance(target, View) else False
    raising = param.leaf and param.trainable is True and not detached and machine.no_grad == 0
    if raising and machine.genuine_flow(param):
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
            event = replace(event, factor=factor_of(method, args))
        else:
            event = event_of(machine, method.rstrip("_"), {"val": amount}, node, frame, f"Tensor.{method}", False)
            event = replace(event, part=rows_of(target))
        histories.append((*history, event))
    replace_histories(machine, param, tuple(dict.fromkeys(histories)))
    return target


def replace_histories(machine: Machine, param: Param, histories: tuple[History, ...]) -> None:
    machine.writes += 1
    machine.heap.write(param.cell, "histories", histories)
    for sweep in machine.sweeping:
        sweep.wrote[id(param)] = param
