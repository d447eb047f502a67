"""nn.Module's own methods: children, parameters, apply, and taking in attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from initlint.graph import InitEvent, Unknown
from initlint.interpret import torch_init
from initlint.interpret.heap import MISSING
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine, Pass, function_name
from initlint.interpret.torch_layers import build, children_of, container_children, forward_layer, put_child
from initlint.interpret.values import (
    Alternatives,
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Native,
    Param,
    Symbol,
    Tensor,
    Value,
    View,
    options,
)
from initlint.knowledge import LayerSpec

SELF_RETURNING: Final = frozenset(
    "to cuda cpu float half double bfloat16 eval train requires_grad_ share_memory type compile xpu to_sparse".split()
)
QUIET: Final = frozenset(
    "register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook zero_grad extra_repr"
    " register_load_state_dict_post_hook state_dict _register_load_state_dict_pre_hook set_extra_state get_extra_state"
    " register_state_dict_pre_hook _get_name named_buffers buffers register_backward_hook"
    " _register_state_dict_hook _load_from_state_dict _save_to_state_dict log save_hyperparameters".split()
)
LISTS: Final = frozenset(
    "modules children named_modules named_children parameters named_parameters".split()
)
CONTAINER_METHODS: Final = frozenset("append extend insert pop keys values items update clear get".split())
OTHERS: Final = frozenset(
    "__init__ __call__ forward apply add_module register_module register_parameter get_parameter get_submodule"
    " load_state_dict to_empty __setattr__ __getattr__ reset_parameters _reset_parameters flatten_parameters".split()
)
METHODS: Final = SELF_RETURNING | QUIET | LISTS | OTHERS


class SweepList(ListValue):
    """What modules(), named_parameters(), ... yield; remembers whose they are."""

    __slots__ = ("method", "root")

    def __init__(self, items: tuple[Value, ...], root: Instance, method: str) -> None:
        super().__init__(items)
        self.root = root
        self.method = method


def native_attribute(machine: Machine, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute that the framework gives to modules; MISSING when it gives none."""
    if not value.module:
        if isinstance(value.cls, Class) and any(
            q in ("builtins.dict", "collections.OrderedDict", "collections.UserDict") for q in value.cls.symbols()
        ):
            return Bound(DictValue(value.cell), name)
        return MISSING
    if name == "training":
        return Unknown("training or evaluation")
    spec = value.spec
    if name in METHODS:
        if name in ("reset_parameters", "_reset_parameters", "flatten_parameters") and (spec is None or not spec.weights):
            return MISSING
        return Bound(value, name)
    if spec is not None and spec.role == "container" and name in CONTAINER_METHODS:
        return Bound(value, name)
    if name in ("_modules", "_parameters"):
        pairs = children_of(value) if name == "_modules" else own_parameters(value)
        return DictValue(dict(pairs))
    if name in ("device", "dtype", "_buffers", "_forward_hooks"):
        return Unknown(f"attribute {name}") if name.startswith("_") or spec is None else MISSING
    return MISSING


def call_native(
    machine: Machine, receiver: Value, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Call one of these methods."""
    assert isinstance(receiver, Instance)
    spec = receiver.spec
    if name == "__init__":
        if spec is not None and spec.role != "module":
            build(machine, receiver, spec, args, kwargs, node, frame)
        return None
    if name in ("__call__", "forward"):
        return call_module(machine, receiver, args, kwargs, node, frame, native=name == "forward")
    if name in SELF_RETURNING:
        if name == "requires_grad_":
            wanted = args[0] if args else kwargs.get("requires_grad", True)
            for _, param in all_parameters(receiver):
                param.trainable = wanted if isinstance(wanted, bool) else None
        return receiver
    if name == "state_dict":
        return Unknown("a state dict")
    if name == "load_state_dict":
        load(machine, receiver, node, frame)
        return Unknown("keys that did not match")
    if name in QUIET:
        return None
    if name in LISTS:
        return listing(machine, receiver, name, kwargs)
    if name == "apply":
        return apply(machine, receiver, args[0] if args else kwargs.get("fn"), node, frame)
    if name in ("add_module", "register_module") and len(args) == 2:
        if isinstance(args[0], str):
            put_child(machine, receiver, args[0], args[1], node, frame)
        else:
            put_child(machine, receiver, f"?{len(receiver.cell)}", args[1], node, frame)
        return None
    if name == "register_parameter":
        key = args[0] if args else kwargs.get("name")
        value = args[1] if len(args) > 1 else kwargs.get("param")
        if isinstance(key, str):
            put_child(machine, receiver, key, value, node, frame)
        return None
    if name in ("get_submodule", "get_parameter") and args and isinstance(args[0], str):
        return follow(machine, receiver, args[0], node, frame)
    if name == "to_empty":
        for _, param in all_parameters(receiver):
            machine.write(param, torch_init.event_of(machine, "empty", {}, node, frame, "Module.to_empty"))
            param.memory = True
        return receiver
    if name in ("reset_parameters", "_reset_parameters"):
        for _, param in all_parameters(receiver):
            first = param.histories[0][0] if param.histories and param.histories[0] else None
            if first is not None and first.name == "default":
                machine.write(param, first)
        return None
    if spec is not None and spec.role == "container":
        return container_method(machine, receiver, name, args, kwargs, node, frame)
    return None


def load(machine: Machine, receiver: Instance, node: ast.AST, frame: Frame) -> None:
    """Loaded weights: what they were initialized to no longer matters, and is unknown."""
    event = torch_init.event_of(machine, "unknown", {"why": "loaded weights"}, node, frame, "Module.load_state_dict")
    for _, param in all_parameters(receiver):
        machine.write(param, event)


def container_method(
    machine: Machine, receiver: Instance, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    if name in ("keys", "values", "items"):
        entries = [(k, v) for k, v in receiver.cell.items() if isinstance(k, str)]
        rows: dict[str, tuple[Value, ...]] = {
            "keys": tuple(k for k, _ in entries),
            "values": tuple(v for _, v in entries),
            "items": tuple(entries),
        }
        return ListValue(rows[name])
    if name == "update" and args and isinstance(args[0], DictValue):
        for key, value in args[0].cell.items():
            put_child(machine, receiver, str(key), value, node, frame)
        return None
    children = container_children(receiver)
    if name == "append" and args:
        put_child(machine, receiver, str(len(children)), args[0], node, frame)
        return receiver
    if name == "extend" and args:
        items, _ = machine.iterate(args[0], node, frame)
        for index, value in enumerate(items):
            put_child(machine, receiver, str(len(children) + index), value, node, frame)
        return receiver
    if name in ("insert", "pop"):
        at = args[0] if args else -1
        if isinstance(at, str):
            value = receiver.cell.get(at, Unknown("pop"))
            machine.heap.delete(receiver.cell, at)
            return value
        if not isinstance(at, int):
            return Unknown(name)
        result: Value = receiver
        if name == "insert":
            children.insert(at, args[1] if len(args) > 1 else None)
        else:
            result = children.pop(at) if -len(children) <= at < len(children) else Unknown("pop")
        for key in [k for k in receiver.cell if isinstance(k, str) and k.isdigit()]:
            machine.heap.delete(receiver.cell, key)
        for index, value in enumerate(children):
            put_child(machine, receiver, str(index), value, node, frame)
        return result
    if name == "get" and args and isinstance(args[0], str):
        return receiver.cell.get(args[0], args[1] if len(args) > 1 else None)
    return Unknown(f"{receiver.name}.{name}")


def delete_item(machine: Machine, owner: Instance, key: Value) -> None:
    """`del sequential[-1]`."""
    if isinstance(key, str):
        machine.heap.delete(owner.cell, key)
        return
    children = container_children(owner)
    if isinstance(key, (int, slice)):
        try:
            del children[key]
        except IndexError:
            return
        for old in [k for k in owner.cell if isinstance(k, str) and k.isdigit()]:
            machine.heap.delete(owner.cell, old)
        for index, value in enumerate(children):
            machine.heap.write(owner.cell, str(index), value)


def follow(machine: Machine, receiver: Instance, path: str, node: ast.AST, frame: Frame) -> Value:
    value: Value = receiver
    for part in path.split("."):
        if part:
            value = machine.attribute(value, part, node, frame)
    return value


# -- traversal ----------------------------------------------------------------------------


def named_modules(root: Instance, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Instance]]:
    """The module and all modules inside, each once, parents first."""
    seen = set() if seen is None else seen
    if id(root) in seen:
        return
    seen.add(id(root))
    yield prefix, root
    for key, child in children_of(root):
        yield from named_modules(child, f"{prefix}.{key}" if prefix else key, seen)


def own_parameters(module: Instance) -> list[tuple[str, Param]]:
    return [(str(k), o) for k, v in module.cell.items() for o in options(v) if isinstance(o, Param)]


def all_parameters(root: Instance) -> Iterator[tuple[str, Param]]:
    seen: set[int] = set()
    for prefix, module in named_modules(root):
        for key, param in own_parameters(module):
            if id(param) not in seen:
                seen.add(id(param))
                yield f"{prefix}.{key}" if prefix else key, param


def listing(machine: Machine, receiver: Instance, name: str, kwargs: Keywords) -> Value:
    items: tuple[Value, ...]
    if name in ("modules", "named_modules"):
        pairs: list[tuple[str, Value]] = list(named_modules(receiver))
    elif name in ("children", "named_children"):
        pairs = list({id(c): (k, c) for k, c in children_of(receiver)}.values())
    elif kwargs.get("recurse") is False:
        pairs = list(own_parameters(receiver))
    else:
        pairs = list(all_parameters(receiver))
    items = tuple(pairs) if name.startswith("named") else tuple(value for _, value in pairs)
    return SweepList(items, receiver, name)


def apply(machine: Machine, root: Instance, function: Value, node: ast.AST, frame: Frame) -> Value:
    """`root.apply(fn)`: children first, as torch does."""

    def visit(module: Value) -> None:
        machine.call(function, [module], {}, node, frame)

    name = getattr(getattr(function, "function", function), "name", "")
    sweep = Pass(node, frame.unit.place(node), "apply", root, str(name), machine.next_serial(), visit, root_name=root.name)
    with machine.sweep(sweep):
        for module in reversed_post_order(root):
            visit(module)
    return root


def reversed_post_order(root: Instance, seen: set[int] | None = None) -> Iterator[Instance]:
    seen = set() if seen is None else seen
    if id(root) in seen:
        return
    seen.add(id(root))
    for _, child in children_of(root):
        yield from reversed_post_order(child, seen)
    yield root


# -- calling and assigning ----------------------------------------------------------------


def call_module(
    machine: Machine,
    instance: Instance,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
    *,
    native: bool = False,
) -> Value:
    """Calling an object: a module's forward, or another object's __call__."""
    if isinstance(instance.cls, Class) and not native:
        for method in ("forward",) if instance.module else ("__call__",):
            function = instance.cls.find(method)
            if isinstance(function, Function):
                return machine.call(Bound(instance, function), args, kwargs, node, frame)
        own = instance.cell.get("forward")
        if own is not None:
            return machine.call(own, args, kwargs, node, frame)
    if instance.spec is not None and instance.spec.role != "module":
        return forward_layer(machine, instance, args, kwargs, node, frame)
    return machine.lost(f"a call of {instance.name}", args, kwargs)


def adopt(machine: Machine, owner: Instance, name: str, value: Value, node: ast.AST, frame: Frame) -> Value:
    """A value becomes an attribute of a module: parameters learn whose they are."""
    for option in options(value):
        if isinstance(option, Param) and option.owner is None:
            option.owner = owner
            option.name = name
    current = owner.cell.get(name)
    if isinstance(current, Param) and isinstance(value, Tensor) and machine.certain:
        machine.incident(
            "assign-non-parameter", node, frame, {"name": name, "module": owner.name, "expression": ast.unparse(node)}, current
        )
        return current
    return value


def set_tensor_attribute(machine: Machine, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    """`weight.data = ...`, `weight.requires_grad = False`, and methods that are assigned to."""
    if not isinstance(owner, (Param, View)):
        return
    param = owner.param if isinstance(owner, View) else owner
    if name == "data":
        if isinstance(owner, Param) and isinstance(value, (Param, View)) and getattr(value, "param", value) is param:
            return  # weight.data = weight.data.normal_()
        source: Value = value if isinstance(value, Tensor) else Unknown("another tensor")
        torch_init.copy_into(machine, param, source, True, node, frame, "Tensor.data")
    elif name == "requires_grad":
        param.trainable = value if isinstance(value, bool) else None
    elif machine.knowledge.initializers.get("Tensor." + name) is not None:
        machine.incident(
            "init-on-copy", node, frame, {"what": "method-assigned", "method": name, "expression": ast.unparse(node)}, param
        )


def make_parameter(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`nn.Parameter(tensor)`."""
    data = args[0] if args else kwargs.get("data")
    if isinstance(data, Alternatives):
        return machine.each(data, lambda option: make_parameter(machine, [option, *args[1:]], kwargs, node, frame))
    if isinstance(data, Param):
        return data
    place = frame.unit.place(node)
    shape = getattr(data, "shape", None)
    param = Param("", "raw", shape, place, machine.next_serial())
    wanted = kwargs.get("requires_grad", args[1] if len(args) > 1 else True)
    param.trainable = wanted if isinstance(wanted, bool) else None
    content = data.content if isinstance(data, Tensor) else None
    if content is None:
        why = data.why if isinstance(data, Unknown) else "made from another tensor"
        event = InitEvent("unknown", (("why", why),), place, "torch.nn.Parameter", True, function=function_name(frame))
        param.cell["histories"] = ((event,),)
    elif content.name == "empty":
        param.memory = True
    else:
        param.cell["histories"] = ((content,),)
    machine.params.append(param)
    return param


def weight_norm(name: str) -> Handler:
    """weight_norm and its kin recompute the weight from other parameters before each forward."""

    def wrap(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        module = args[0] if args else kwargs.get("module")
        which = kwargs.get("name", args[1] if len(args) > 1 else "weight")
        if isinstance(module, Instance) and isinstance(which, str):
            param = module.cell.get(which)
            if isinstance(param, Param) and name == "weight_norm":
                gain = Param(f"{which}_g", "gain", None, param.place, machine.next_serial())
                gain.owner = module
                gain.cell["histories"] = ((InitEvent("unknown", explicit=False),),)
                machine.heap.write(module.cell, f"{which}_g", gain)
                machine.parametrized[id(param)] = name
        return module

    return wrap


def data_parallel(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """A wrapper that calls the module inside: it stands for it, with a `.module`."""
    module = args[0] if args else kwargs.get("module")
    made = Instance(Symbol.of("torch.nn.DataParallel"), machine.next_serial(), machine.knowledge.layers.get("torch.nn.Sequential"))
    made.cell["module"] = module
    return made


def same_module(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return args[0] if args else next(iter(kwargs.values()), None)


def decorator_or_module(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return args[0] if args else Native("decorator", lambda inner, _: inner[0] if inner else None)


def checkpoint(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """torch.utils.checkpoint.checkpoint(function, *args)."""
    words = {k: v for k, v in kwargs.items() if k not in ("use_reentrant", "preserve_rng_state", "context_fn", "debug", "determinism_check")}
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


def is_kind(machine: Machine, value: Instance, kind: Symbol) -> bool:
    """Whether a module is of a framework's class."""
    spec: LayerSpec | None = value.spec
    if kind.qualified == "torch.nn.Module":
        return value.module
    return spec is not None and (spec.qualified == kind.qualified or kind.qualified in spec.bases)


HANDLERS: Final[dict[str, Handler]] = {
    "torch.nn.Parameter": make_parameter,
    "torch.nn.parameter.Parameter": make_parameter,
    "torch.nn.UninitializedParameter": lambda machine, args, kwargs, node, frame: Unknown("a lazy parameter"),
    "torch.nn.utils.weight_norm": weight_norm("weight_norm"),
    "torch.nn.utils.parametrizations.weight_norm": weight_norm("weight_norm"),
    "torch.nn.utils.spectral_norm": weight_norm("spectral_norm"),
    "torch.nn.utils.parametrizations.spectral_norm": weight_norm("spectral_norm"),
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
    "torch.no_grad": no_grad,
    "torch.inference_mode": no_grad,
    "torch.set_grad_enabled": grad_mode,
    "torch.enable_grad": grad_mode,
}
