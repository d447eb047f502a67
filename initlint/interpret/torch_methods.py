"""Attributes and methods of tensors and parameters."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import torch_init
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_functions import (
    ask,
    call_function,
    reshape,
)
from initlint.interpret.torch_tensors import (
    made_of_parameters,
)
from initlint.interpret.values import Bound, Frame, Value

PROPERTIES: Final = frozenset(  # attributes without a call that are no tensors
    "device dtype shape grad grad_fn requires_grad is_leaf is_cpu is_cuda is_meta is_mps is_quantized is_sparse is_xpu"
    " layout name ndim itemsize nbytes output_nr retains_grad grad_dtype".split()
)
OWN_ATTRIBUTES: Final = PROPERTIES | frozenset("data names T mT H mH real imag _version _base".split())


def tensor_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, (Tensor, Param, View))
    if name == "data":
        if isinstance(value, Tensor):
            return value
        view = value if isinstance(value, View) else View(value, value.shape)
        return View(view.param, view.shape, whole=view.whole, detached=True, rows=view.rows)
    spec = machine.knowledge.functions.get("Tensor." + name)
    if spec is not None:
        if spec.role == "predicate" and name in PROPERTIES:
            return ask(machine, spec, value, [value])
        if name in ("T", "mT", "H", "mH", "real", "imag"):
            return reshape(machine, spec, value, [value], {}, node, frame)
    if name == "__class__":
        return machine.tables.symbols["builtins.type"](machine, [value], {}, node, frame)
    if isinstance(value, Param) and name in value.cell:
        return value.cell[name]
    if spec is None and name.startswith("_") and not name.endswith("_"):
        return Unknown(f"attribute {name} of a tensor")
    return Bound(value, name)


def has_tensor_attribute(machine: Machine, value: Tensor | Param | View, name: str) -> bool:
    """`hasattr(tensor, name)`: torch's own attributes, and marks that were set on a parameter."""
    if isinstance(value, Param) and name in value.cell:
        return True
    tables = machine.knowledge
    return "Tensor." + name in tables.functions or "Tensor." + name in tables.initializers or name in OWN_ATTRIBUTES


def receiver_node(node: ast.AST) -> ast.AST:
    """The syntax of the tensor whose method is called; the call itself where the method went under another name."""
    return node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node


def tensor_method(
    machine: Machine,
    receiver: Tensor | Param | View,
    name: str,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> Value:
    tables = machine.knowledge
    writer = tables.initializers.get("Tensor." + name)
    if writer is not None:
        if isinstance(receiver, (Param, View)):
            return torch_init.inplace(machine, writer, receiver, args, kwargs, node, frame)
        if receiver.node < 0:
            given = torch_init.given_arguments(writer, args, kwargs)
            if writer.technique == "copy":
                source = args[0] if args else None
                receiver.overwrite(source.content if isinstance(source, Tensor) else None)
                return receiver
            if receiver.param is not None and receiver.content is None:
                machine.lose(receiver, receiver_node(node), frame)
            receiver.overwrite(torch_init.event_of(machine, writer.technique, given, node, frame, writer.qualified))
        return receiver
    if name == "assign" and isinstance(receiver, (Param, View)):  # of Keras's and TensorFlow's variables
        source = args[0] if args else kwargs.get("value")
        torch_init.copy_into(machine, receiver, source, node, frame, "Variable.assign")
        return receiver
    spec = tables.functions.get("Tensor." + name)
    if isinstance(receiver, (Param, View)) and (
        name.endswith("_") and not name.endswith("__") and (spec is None or spec.inplace or spec.role == "write")
    ):
        if name in ("requires_grad_", "share_memory_", "detach_"):
            return call_function(machine, spec, [receiver, *args], kwargs, node, frame) if spec else receiver
        if spec is not None and spec.role == "shape":
            return receiver
        return torch_init.transform(machine, receiver, name, args, node, frame)
    if spec is None:
        if name in ("new_tensor", "backward", "register_hook"):
            return Unknown(name)
        return machine.lost(f"Tensor.{name}", [receiver, *args], kwargs)
    if spec.inplace and isinstance(receiver, Tensor):
        receiver.origin = ()
    if spec.inplace and isinstance(receiver, Tensor) and receiver.node < 0 and receiver.content is not None:
        word = {"mul_": "mul", "div_": "truediv", "add_": "add", "sub_": "sub"}.get(name)
        if word is not None:
            result = made_of_parameters(machine, word, [receiver, *args], [receiver])
            if isinstance(result, Tensor):
                receiver.overwrite(result.content)
            return receiver
        if spec.role != "shape":
            receiver.overwrite(None)
    return call_function(machine, spec, [receiver, *args], kwargs, node, frame)
