"""weight_norm, spectral_norm: a module's weight is computed from other parameters whenever it is used.

What is then found under the weight's name is a temporary: writing to it changes nothing.
"""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import InitEvent
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.values import Frame, Instance, Value

# Names that the parameters get: of the gain ("" where there is none) and of what was the weight.
SPELLINGS: Final[dict[str, tuple[str, str]]] = {
    "torch.nn.utils.weight_norm": ("{}_g", "{}_v"),
    "torch.nn.utils.parametrizations.weight_norm": (
        "parametrizations.{}.original0",
        "parametrizations.{}.original1",
    ),
    "torch.nn.utils.spectral_norm": ("", "{}_orig"),
    "torch.nn.utils.parametrizations.spectral_norm": ("", "parametrizations.{}.original"),
}


def wrapper(gain_name: str, base_name: str) -> Handler:
    """The function that parametrizes a module's weight, and returns the module."""

    def wrap(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        module = args[0] if args else kwargs.get("module")
        which = kwargs.get("name", args[1] if len(args) > 1 else "weight")
        param = module.cell.get(which) if isinstance(module, Instance) else None
        if isinstance(module, Instance) and isinstance(which, str) and isinstance(param, Param):
            machine.heap.delete(module.cell, which)
            if gain_name:
                gain = Param(gain_name.format(which), "gain", None, param.place, machine.next_serial())
                gain.owner = module
                gain.cell["histories"] = ((InitEvent("unknown", explicit=False),),)
                machine.heap.write(module.cell, gain.name, gain)
            param.name = base_name.format(which)
            machine.heap.write(module.cell, param.name, param)
            machine.heap.write(module.cell, which, Tensor(-1, param.shape, None, param))
        return module

    return wrap


def remove(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """The weight is a parameter again."""
    module = args[0] if args else kwargs.get("module")
    which = kwargs.get("name", kwargs.get("tensor_name", args[1] if len(args) > 1 else "weight"))
    temporary = module.cell.get(which) if isinstance(module, Instance) else None
    if isinstance(module, Instance) and isinstance(which, str) and isinstance(temporary, Tensor):
        for gain_name, base_name in SPELLINGS.values():
            param = module.cell.get(base_name.format(which))
            if isinstance(param, Param) and param is temporary.param:
                machine.heap.delete(module.cell, gain_name.format(which))
                machine.heap.delete(module.cell, param.name)
                param.name = which
                machine.heap.write(module.cell, which, param)
    return module


def prune(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`prune.l1_unstructured(module, "weight", ...)`: from now on a mask keeps zeros."""
    machine.emit("unknown", (), "a mask of pruning", node)
    return args[0] if args else kwargs.get("module")


PRUNING: Final = (
    "identity",
    "random_unstructured",
    "l1_unstructured",
    "random_structured",
    "ln_structured",
    "custom_from_mask",
    "global_unstructured",
)
HANDLERS: Final[dict[str, Handler]] = {
    **{f"torch.nn.utils.prune.{name}": prune for name in PRUNING},
    **{qualified: wrapper(*names) for qualified, names in SPELLINGS.items()},
    "torch.nn.utils.remove_weight_norm": remove,
    "torch.nn.utils.remove_spectral_norm": remove,
    "torch.nn.utils.parametrize.remove_parametrizations": remove,
}
