"""What wraps modules and functions: parametrizations, parallel modules, gradient modes, checkpoints."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.torch_parameters import make_parameter
from initlint.interpret.torch_traversal import all_parameters
from initlint.interpret.values import (
    Frame,
    Function,
    Instance,
    Native,
    Symbol,
    Value,
)


def data_parallel(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """A wrapper that calls the module inside: it stands for it, with a `.module`."""
    module = args[0] if args else kwargs.get("module")
    made = Instance(
        Symbol.of("torch.nn.DataParallel"), machine.next_serial(), machine.knowledge.layers.get("torch.nn.Sequential")
    )
    made.cell["module"] = module
    return made


def same_module(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return args[0] if args else next(iter(kwargs.values()), None)


def decorator_or_module(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return args[0] if args else Native("decorator", lambda inner, _: inner[0] if inner else None)


def checkpoint(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """torch.utils.checkpoint.checkpoint(function, *args)."""
    words = {
        k: v
        for k, v in kwargs.items()
        if k not in ("use_reentrant", "preserve_rng_state", "context_fn", "debug", "determinism_check")
    }
    return machine.call(args[0], args[1:], words, node, frame) if args else Unknown("checkpoint")


def checkpoint_sequential(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[2] if len(args) > 2 else kwargs.get("input")
    items, _ = machine.iterate(args[0], node, frame)
    for item in items:
        value = machine.call(item, [value], {}, node, frame)
    return value


def no_grad(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if args and isinstance(args[0], Function):
        args[0].no_grad = True
        return args[0]
    return Native("no_grad", lambda inner, _: inner[0] if inner else None)


def grad_mode(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return Native("enable_grad" if args[:1] == [True] else "no_grad", lambda inner, _: inner[0] if inner else None)


def is_no_grad(value: Value) -> bool:
    if isinstance(value, Native):
        return value.name == "no_grad"
    return isinstance(value, Symbol) and value.qualified in ("torch.no_grad", "torch.inference_mode")


def device(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`torch.device("meta")`: a symbol of its own, so that devices can be compared."""
    name = args[0] if args else kwargs.get("type")
    return Symbol.of(f"torch.device.{name.partition(':')[0]}") if isinstance(name, str) else Unknown("a device")


def skip_init(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """torch.nn.utils.skip_init(cls, ...): a module whose parameters are memory without values."""
    if not args:
        return Unknown("skip_init of nothing")
    words = {key: value for key, value in kwargs.items() if key != "device"}
    made = machine.call(args[0], args[1:], words, node, frame)
    if isinstance(made, Instance):
        for _, param in all_parameters(made):
            param.memory = True
            machine.heap.write(param.cell, "histories", ((),))
    return made


HANDLERS: Final[dict[str, Handler]] = {
    "torch.nn.utils.skip_init": skip_init,
    "torch.nn.utils.init.skip_init": skip_init,
    "torch.nn.Parameter": make_parameter,
    "torch.nn.parameter.Parameter": make_parameter,
    "torch.nn.UninitializedParameter": lambda machine, args, kwargs, node, frame: Unknown("a lazy parameter"),
    "torch.nn.DataParallel": data_parallel,
    "torch.nn.parallel.DataParallel": data_parallel,
    "torch.nn.parallel.DistributedDataParallel": data_parallel,
    "torch.nn.SyncBatchNorm.convert_sync_batchnorm": same_module,
    "torch.jit.script": decorator_or_module,
    "torch.jit.ignore": decorator_or_module,
    "torch.jit.unused": decorator_or_module,
    "torch.jit.export": decorator_or_module,
    "torch.jit.script_if_tracing": decorator_or_module,
    "torch.jit.trace": same_module,
    "torch.compile": decorator_or_module,
    "torch.fx.wrap": decorator_or_module,
    "torch.utils.checkpoint.checkpoint": checkpoint,
    "torch.utils.checkpoint.checkpoint_sequential": checkpoint_sequential,
    "torch.device": device,
    "torch.get_default_device": lambda machine, args, kwargs, node, frame: Symbol.of("torch.device.cpu"),
    "torch.no_grad": no_grad,
    "torch.inference_mode": no_grad,
    "torch.set_grad_enabled": grad_mode,
    "torch.enable_grad": grad_mode,
}
