"""What Keras's initializers raise on: arguments that they do not take, and tensors of another rank."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Final

from initlint.graph import InitEvent
from initlint.interpret.machine import Machine
from initlint.interpret.tensors import Param
from initlint.interpret.values import Frame, Value
from initlint.knowledge import InitializerSpec, snake

RANK_OWNERS: Final = frozenset({"identity"})  # of which a wrong rank is no lack of fans
MEANT: Final = frozenset({"gain", "scale", "mode", "distribution", "nonlinearity"})  # arguments of other initializers


def check_arguments(
    machine: Machine, spec: InitializerSpec, given: Mapping[str, Value], node: ast.AST, frame: Frame
) -> None:
    """Note arguments that it does not know, and values of them."""
    choices = dict(spec.choices)
    own = [p.spelled or p.name for p in spec.parameters]
    for name, value in given.items():
        wrong = isinstance(value, str) and name in choices and value.lower() not in choices[name]
        if not wrong and (name in own or name not in MEANT):
            continue
        where = argument_at(node, name, own)
        facts = {
            "framework": "keras",
            "function": snake(spec.qualified.rpartition(".")[2]),
            "argument": name,
            "choices": " ".join(choices.get(name, ())),
            **({"value": value} if isinstance(value, str) else {"number": ast.unparse(where)}),
        }
        raises = "ValueError" if wrong else "TypeError"
        machine.incident("unsupported-nonlinearity", where, frame, facts, raises=raises)


def argument_at(node: ast.AST, name: str, order: Sequence[str]) -> ast.AST:
    """Where a call gives this argument, else the call."""
    if not isinstance(node, ast.Call):
        return node
    for keyword in node.keywords:
        if keyword.arg == name:
            return keyword.value
    position = order.index(name) if name in order else len(node.args)
    plain = not any(isinstance(arg, ast.Starred) for arg in node.args)
    return node.args[position] if plain and position < len(node.args) else node


def check_ranks(
    machine: Machine, events: Sequence[InitEvent], param: Param, owner: str, node: ast.AST, frame: Frame
) -> None:
    """The same for whichever initializer a weight has."""
    for event in events if param.shape is not None else ():
        spec = machine.knowledge.initializers.get(event.spelling)
        if spec is not None and param.shape is not None:
            what = f"the {param.name} of {owner}" if param.name != "weight" else f"a weight of {owner}"
            check_rank(machine, spec, param.shape, what, node, frame, param)


def check_rank(
    machine: Machine,
    spec: InitializerSpec,
    shape: Sequence[int | None],
    expression: str,
    node: ast.AST,
    frame: Frame,
    param: Param | None = None,
) -> None:
    """Note a tensor whose number of dimensions it refuses."""
    rank = len(shape)
    if spec.minimum_rank <= rank <= spec.maximum_rank:
        return
    facts = {
        "framework": "keras",
        "function": snake(spec.qualified.rpartition(".")[2]),
        "rank": str(rank),
        "shape": "x".join("?" if size is None else str(size) for size in shape),
        "needs": str(spec.minimum_rank) if rank < spec.minimum_rank else str(spec.maximum_rank),
        "expression": expression,
        **({"role": param.role} if param is not None else {}),
    }
    kind = "wrong-rank" if spec.technique in RANK_OWNERS else "fan-of-vector"
    machine.incident(kind, node, frame, facts, param, raises="ValueError")
