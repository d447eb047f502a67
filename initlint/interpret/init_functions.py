"""Functions of the project that are initializers by their name: what they write, summed up."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import History
from initlint.interpret.machine import Arguments, Machine
from initlint.interpret.tensors import Param, View
from initlint.interpret.torch_init import (
    NAMESPACE,
    event_of,
    replace_histories,
)
from initlint.interpret.values import Frame, Function, Value
from initlint.knowledge import InitializerSpec

# Families whose inner writes may be summed up under the name of the function that makes them.
RANDOM: Final = frozenset(
    "normal uniform trunc_normal xavier_uniform xavier_normal kaiming_uniform kaiming_normal lecun_uniform"
    " lecun_normal variance_scaling orthogonal sparse".split()
)


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
    given = given_to(function, spec, inner)
    summed = given if takes(function, spec) else own_arguments(histories, spec) or given
    event = event_of(machine, spec.technique, summed, node, frame, function.name)
    replace_histories(machine, param, tuple(dict.fromkeys((*history[:count], event) for history in histories)))
    body = function.node.body
    statements = body if isinstance(body, list) else []
    if summed is given and not any(isinstance(s, (ast.If, ast.Match)) and raises_or_writes(s) for s in statements):
        machine.summed.add(function.node)


def takes(function: Function, spec: InitializerSpec) -> bool:
    """Whether callers give the function what the initializer is given: its scale, for one."""
    arguments = function.node.args
    words = {a.arg for a in (*arguments.args, *arguments.kwonlyargs)}
    return any(p.name in words - {"generator"} for p in spec.parameters)


def own_arguments(histories: tuple[History, ...], spec: InitializerSpec) -> dict[str, Value]:
    """With what the function itself has made its last write of the technique that its name says, on all ways alike."""
    last = {next(event for event in reversed(history) if event.covers) for history in histories}
    found = {event.args for event in last if event.name == spec.technique}
    return dict(found.pop()) if len(found) == 1 and len(last) == 1 else {}


def raises_or_writes(statement: ast.stmt) -> bool:
    """Whether a branch does more than warn: then what the function does may differ from call to call."""
    return any(
        isinstance(part, (ast.Return, ast.Call)) and "warn" not in ast.unparse(part) for part in ast.walk(statement)
    )


def given_to(function: Function, spec: InitializerSpec, inner: Frame) -> dict[str, Value]:
    """The arguments of the call that the initializer has too, without those that it assumes anyway."""
    defaults = {p.name: p.default for p in spec.parameters if p.name != "generator"}
    arguments = function.node.args
    parameters = [a.arg for a in (*arguments.args, *arguments.kwonlyargs)][1:]
    known = {name: inner.cell[name] for name in parameters if name in defaults and name in inner.cell}
    plain = (int, float, str)
    return {n: v for n, v in known.items() if not (isinstance(v, plain) and v == defaults[n])}


def write_summed(
    machine: Machine,
    before: tuple[Param, int, InitializerSpec],
    function: Function,
    inner: Frame,
    node: ast.AST,
    frame: Frame,
) -> Param:
    """The same write again, without running the function's steps."""
    param, _, spec = before
    event = event_of(machine, spec.technique, given_to(function, spec, inner), node, frame, function.name)
    machine.write(param, event)
    return param
