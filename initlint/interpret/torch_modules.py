"""nn.Module's own methods: children, parameters, apply, and taking in attributes."""

from __future__ import annotations

import ast
import contextlib
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare, torch_init
from initlint.interpret.classes import is_dictionary
from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.pretrained import Pretrained
from initlint.interpret.registries import Registry
from initlint.interpret.tensors import Tensor
from initlint.interpret.torch_layers import build, children_of, forward_layer, leave_open, put_child, set_child
from initlint.interpret.torch_traversal import (
    all_parameters,
    apply,
    listing,
    own_parameters,
)
from initlint.interpret.values import (
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Native,
    Symbol,
    Value,
    flatten,
)
from initlint.knowledge import LOADING, LayerSpec

SELF_RETURNING: Final = frozenset(
    "to cuda cpu float half double bfloat16 eval train requires_grad_ share_memory type compile xpu to_sparse".split()
)
QUIET: Final = frozenset(
    "register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook zero_grad extra_repr"
    " register_load_state_dict_post_hook state_dict _register_load_state_dict_pre_hook set_extra_state get_extra_state"
    " register_state_dict_pre_hook _get_name named_buffers buffers register_backward_hook"
    " _register_state_dict_hook _load_from_state_dict _save_to_state_dict log save_hyperparameters".split()
)
LISTS: Final = frozenset("modules children named_modules named_children parameters named_parameters".split())
MAPPING_METHODS: Final = frozenset(
    "get pop items keys values update copy setdefault clear popitem __getitem__ __setitem__ __contains__".split()
)
CONTAINER_METHODS: Final = frozenset("append extend insert pop keys values items update clear get".split())
OTHERS: Final = frozenset(
    "__init__ __call__ forward apply add_module register_module register_parameter get_parameter get_submodule"
    " load_state_dict to_empty __setattr__ __getattr__ reset_parameters _reset_parameters flatten_parameters".split()
)
KEYWORDS: Final = {  # what the parameters of methods may be called, in their order
    "add_module": ("name", "module"),
    "register_module": ("name", "module"),
    "append": ("module", "value"),
    "insert": ("index", "module"),
    "extend": ("sequential", "modules", "values"),
    "update": ("modules", "parameters"),
    "pop": ("key",),
    "get": ("key", "default"),
}
METHODS: Final[frozenset[str]] = SELF_RETURNING | QUIET | LISTS | OTHERS


def native_attribute(machine: Machine, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute that the framework gives to modules; MISSING when it gives none."""
    if not value.module:
        if isinstance(value.cls, Class) and name in MAPPING_METHODS:
            if is_dictionary(value.cls):
                return Bound(DictValue(value.cell), name)
            if name in ("get", "__contains__") and any(q.endswith("Mapping") for q in value.cls.symbols()):
                return Native(name, lambda args, _: mapping_item(machine, value, name, args, node, frame))
        return MISSING
    if name == "training":
        return Unknown("training or evaluation")
    spec = value.spec
    if name in METHODS:
        if name in ("reset_parameters", "_reset_parameters", "flatten_parameters") and (
            spec is None or not spec.weights
        ):
            return MISSING
        return Bound(value, name)
    if spec is not None and spec.role == "container" and name in CONTAINER_METHODS:
        return Bound(value, name)
    if name == "all_weights" and spec is not None and spec.role == "recurrent":
        return weights_by_layer(value)
    if name in ("_modules", "_parameters"):
        pairs = children_of(value) if name == "_modules" else own_parameters(value)
        return Registry(value, dict(pairs))
    if name in ("device", "dtype", "_buffers", "_forward_hooks"):
        return Unknown(f"attribute {name}") if name.startswith("_") or spec is None else MISSING
    return MISSING


def weights_by_layer(layer: Instance) -> Value:
    """A recurrent layer's `all_weights`: a list for each stacked layer and direction."""
    found: dict[str, list[Value]] = {}
    for name, param in own_parameters(layer):
        found.setdefault(name.partition("_l")[2], []).append(param)
    return ListValue(tuple(ListValue(tuple(weights)) for weights in found.values()))


def mapping_item(machine: Machine, value: Instance, name: str, args: Arguments, node: ast.AST, frame: Frame) -> Value:
    """What collections.abc.Mapping makes of an object's __getitem__: `get` and `in`."""
    found: Value = MISSING
    with contextlib.suppress(Raised):
        found = machine.call(machine.attribute(value, "__getitem__", node, frame), args[:1], {}, node, frame)
    if isinstance(found, Unknown) and found.why.startswith("no key"):
        found = MISSING
    if name == "__contains__":
        return Unknown("a membership test") if isinstance(found, Unknown) else found is not MISSING
    return found if found is not MISSING else args[1] if len(args) > 1 else None


def call_native(
    machine: Machine, receiver: Value, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Call one of these methods."""
    assert isinstance(receiver, Instance)
    spec = receiver.spec
    if name == "__init__":
        if spec is not None and spec.role != "module":
            build(machine, receiver, spec, args, kwargs, node, frame)
            reset_as_written(machine, receiver, spec, node, frame)
        return None
    if name in ("__call__", "forward"):
        return call_module(machine, receiver, args, kwargs, node, frame, native=name == "forward")
    if kwargs and name in KEYWORDS:
        args = [*args, *(kwargs[word] for word in KEYWORDS[name] if word in kwargs)]
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
        if isinstance(receiver, Pretrained) and name.endswith("children"):
            return Unknown("the parts of a model from outside")
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
    if name in ("get_submodule", "get_parameter"):
        path = args[0] if args else kwargs.get("target")
        return follow(machine, receiver, path, node, frame) if isinstance(path, str) else Unknown(f"{name} by a path")
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


def reset_as_written(machine: Machine, receiver: Instance, spec: LayerSpec, node: ast.AST, frame: Frame) -> None:
    """The framework's __init__ ends by resetting the parameters, in a subclass's own way where it has one."""
    hook = "_reset_parameters" if spec.kind in ("MultiheadAttention", "Transformer") else "reset_parameters"
    own = receiver.cls.find(hook) if isinstance(receiver.cls, Class) and spec.weights else None
    if isinstance(own, Function):
        machine.call(Bound(receiver, own), [], {}, node, frame)


def load(machine: Machine, receiver: Instance, node: ast.AST, frame: Frame) -> None:
    """Loaded weights: what they were initialized to no longer matters, and is unknown."""
    event = torch_init.event_of(machine, "unknown", {"why": "loaded weights"}, node, frame, LOADING)
    for _, param in all_parameters(receiver):
        machine.write(param, event)


def container_method(
    machine: Machine, receiver: Instance, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    if name in ("keys", "values", "items"):
        names, values = compare.names_in(receiver), [v for k, v in receiver.cell.items() if isinstance(k, str)]
        rows: dict[str, tuple[Value, ...]] = {
            "keys": names,
            "values": tuple(values),
            "items": tuple(zip(names, values, strict=True)),
        }
        return ListValue(rows[name])
    if name == "update" and args and not isinstance(args[0], (DictValue, Instance)):
        leave_open(machine, receiver)
        return None
    if name == "update" and args and isinstance(args[0], (DictValue, Instance)):
        for key, value in args[0].cell.items():
            own = Unknown("a key that is not known") if compare.is_unknown_key(key) else key
            if isinstance(own, (str, Unknown)):
                set_child(machine, receiver, own, value, node, frame)
        return None
    if name == "append" and args:
        plain = isinstance(receiver.cls, Symbol)  # holds nothing but its elements
        count = len(receiver.cell) if plain else len(compare.contents(receiver))
        put_child(machine, receiver, str(count), args[0], node, frame)
        return receiver
    children = compare.contents(receiver)
    if name == "extend" and args:
        items, loose = machine.iterate(args[0], node, frame)
        if loose and all(isinstance(value, Unknown) for value in items):
            leave_open(machine, receiver)
            return receiver
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
        for key in element_keys(receiver):
            machine.heap.delete(receiver.cell, key)
        for index, value in enumerate(children):
            put_child(machine, receiver, str(index), value, node, frame)
        return result
    if name == "get" and args and isinstance(args[0], str):
        return receiver.cell.get(args[0], args[1] if len(args) > 1 else None)
    return Unknown(f"{receiver.name}.{name}")


def element_keys(container: Instance) -> list[object]:
    """The keys of a container's elements: numbers, unless they were given names."""
    contents = {id(value) for value in compare.contents(container)}
    return [key for key, value in container.cell.items() if id(value) in contents]


def delete_item(machine: Machine, owner: Instance, key: Value) -> None:
    """`del sequential[-1]`."""
    if isinstance(key, str):
        machine.heap.delete(owner.cell, key)
        return
    children = compare.contents(owner)
    if isinstance(key, (int, slice)):
        try:
            del children[key]
        except IndexError:
            return
        for old in element_keys(owner):
            machine.heap.delete(owner.cell, old)
        for index, value in enumerate(children):
            machine.heap.write(owner.cell, str(index), value)


def follow(machine: Machine, receiver: Instance, path: str, node: ast.AST, frame: Frame) -> Value:
    value: Value = receiver
    for part in path.split("."):
        if part:
            value = machine.attribute(value, part, node, frame)
    return value


# -- calling and assigning ----------------------------------------------------------------


def call_instance(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Instance)
    if not callee.module or is_inside(machine, frame):
        callee.uses += 1
        return call_module(machine, callee, args, kwargs, node, frame)
    args = [as_input(machine, value, index == 0) for index, value in enumerate(args)]
    if any(isinstance(value, Tensor) for value in flatten((*args, *kwargs.values()))):
        callee.uses += 1  # else its forward is still to be shown data
    result = call_module(machine, callee, args, kwargs, node, frame)
    machine.outcomes.append(result)
    return result


def is_inside(machine: Machine, frame: Frame) -> bool:
    """Whether a module's own code is running."""
    inner = frame.receiver
    return (isinstance(inner, Instance) and inner.module) or any(
        isinstance(f.receiver, Instance) and f.receiver.module for f in machine.frames
    )


def as_input(machine: Machine, value: Value, first: bool) -> Value:
    """What a whole model is given: a tensor made just then stands for its data, and so does a first unknown one."""
    made = isinstance(value, Tensor) and value.node < 0 and value.content is not None and value.param is None
    if made or (first and isinstance(value, Unknown)):
        return Tensor(machine.emit("input", ()), getattr(value, "shape", None))
    return value


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
    if isinstance(instance.cls, Class) and instance.cls.spec is not None:
        return forward_layer(machine, instance, args, kwargs, node, frame)
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


def is_kind(machine: Machine, value: Instance, kind: Symbol) -> bool:
    """Whether a module is of a framework's class."""
    spec: LayerSpec | None = value.spec
    if kind.qualified == "torch.nn.Module":
        return value.module
    return spec is not None and (spec.qualified == kind.qualified or kind.qualified in spec.bases)
