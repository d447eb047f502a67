"""Attributes of objects, classes, functions and the like."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.classes import (
    MODULE,
    fill_fields,
    inherited_fields,
)
from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.machine import Arguments, Attribute, Keywords, Machine
from initlint.interpret.postponed import Deferred
from initlint.interpret.pretrained import Pretrained, replace_part
from initlint.interpret.records import record_attribute
from initlint.interpret.tensors import Comparison, Param, Tensor, View
from initlint.interpret.values import (
    ABSENT,
    CONSTANTS,
    Alternatives,
    Bound,
    Cell,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    Native,
    Partial,
    Super,
    Symbol,
    Value,
)
from initlint.knowledge import canonical

AUTOGRAD: Final = "torch.autograd.Function"
ABSENCE: Final = "AttributeError"
KEEPING: Final = ("save_for_backward", "save_for_forward", "mark_non_differentiable", "mark_dirty")  # of its context


def instance_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Instance)
    found = own_attribute(machine, value, name, node, frame)
    if found is not MISSING:
        return found
    if isinstance(value.cls, Class):
        getter = value.cls.find("__getattribute__")
        if isinstance(getter, Function) and not name.startswith("__") and (value.cls, name) not in machine.nowhere:
            found = machine.call(Bound(value, getter), [name], {}, node, frame)
            if is_missing(found, value, name):
                machine.nowhere.add((value.cls, name))
            return found
    return last_resort(machine, value, name, node, frame)


def is_missing(found: Value, owner: Instance, name: str) -> bool:
    """Whether this is what an attribute that does not exist comes to."""
    return isinstance(found, Unknown) and found.why == f"attribute {name} of {owner.name}"


def own_attribute(machine: Machine, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
    """What the object, its class or the framework has under this name; MISSING when none has."""
    found = value.cell.get(name, MISSING)
    if found is not MISSING:
        return found
    cls = value.cls
    if isinstance(cls, Class):
        attribute = cls.find(name)
        if attribute is not ABSENT:
            return bind_attribute(machine, attribute, value, node, frame)
    if name == "__class__":
        return cls
    if name == "__dict__":
        return DictValue(value.cell)
    if value.module and machine.patches:
        patch = machine.patches.get(f"{MODULE}.{name}", MISSING)
        if patch is not MISSING:
            return bind_attribute(machine, patch, value, node, frame)
    native = machine.native_attribute(value, name, node, frame)
    return native if native is not MISSING else record_attribute(machine, value, name)


def last_resort(machine: Machine, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute that is nowhere: what __getattr__ says."""
    cls = value.cls
    if isinstance(cls, Class):
        getter = cls.find("__getattr__")
        if isinstance(getter, Function) and not name.startswith("__"):
            try:
                return machine.call(Bound(value, getter), [name], {}, node, frame)
            except Raised:
                init = cls.find("__init__")
                if not (isinstance(init, Function) and init.passed_by):
                    raise  # else the decorator around __init__ may have set it
    if (
        any(ABSENCE in taken for taken, _ in machine.guards)
        and has_attribute(machine, value, name, node, frame) is False
    ):
        machine.be_caught(ABSENCE)
    return Unknown(f"attribute {name} of {value.name}", frame.unit.place(node))


def bind_attribute(machine: Machine, attribute: Value, receiver: Value, node: ast.AST, frame: Frame) -> Value:
    if isinstance(attribute, Function):
        if attribute.kind == "property":
            return machine.call(Bound(receiver, attribute), [], {}, node, frame)
        if attribute.kind == "staticmethod":
            return attribute
        if attribute.kind == "classmethod":
            return Bound(receiver.cls if isinstance(receiver, Instance) else receiver, attribute)
        return Bound(receiver, attribute)
    if isinstance(attribute, Alternatives):
        return Alternatives(tuple(bind_attribute(machine, o, receiver, node, frame) for o in attribute.options))
    return attribute


def class_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Class)
    if name in ("__name__", "__qualname__"):
        return value.name
    if name in ("__mro__", "__bases__"):
        return value.lineage if name == "__mro__" else value.bases
    attribute = value.find(name)
    if isinstance(attribute, Function) and attribute.kind == "classmethod":
        return Bound(value, attribute)
    if attribute is not ABSENT:
        return attribute
    if name == "__module__":
        return machine.project.module_name(value.unit)
    if name == "_fields" and value.fields is not None:
        return value.fields
    if name in ("__members__", "__dict__"):
        return DictValue(dict(value.cell))
    if name == "apply" and any(qualified.startswith(AUTOGRAD) for qualified in value.symbols()):
        return Native(name, lambda args, kwargs: apply_forward(machine, value, args, kwargs, node, frame))
    for qualified in value.symbols():
        if qualified in machine.knowledge.layers or qualified == MODULE:
            return Symbol.of(f"{qualified}.{name}")
    return Unknown(f"attribute {name} of {value.name}", frame.unit.place(node))


def apply_forward(
    machine: Machine, cls: Class, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """`apply` of a torch.autograd.Function: its `forward`, with a context unless `setup_context` gets that."""
    forward = cls.find("forward")
    if not isinstance(forward, Function):
        return machine.lost(cls.name, args, kwargs)
    if cls.find("setup_context") is not ABSENT:
        return machine.call(forward, args, kwargs, node, frame)
    context = Instance(Symbol.of(f"{AUTOGRAD}Context"), machine.next_serial())
    context.cell.update({word: Native(word, lambda _, __: None) for word in KEEPING})
    return machine.call(forward, [context, *args], kwargs, node, frame)


def super_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Super)
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if isinstance(cls, Class):
        attribute = cls.find(name, value.after)
        if attribute is not ABSENT:
            return bind_attribute(machine, attribute, receiver, node, frame)
        if name in ("__setattr__", "__init_subclass__", "__post_init__"):
            return Native(name, lambda args, kwargs: store(machine, receiver, args, node, frame))
        if isinstance(receiver, Instance):
            fields = inherited_fields(cls, value.after) if name == "__init__" else None
            if fields is not None:
                return Native(
                    "__init__", lambda args, kwargs: fill_fields(machine, receiver, fields, args, kwargs, node, frame)
                )
            found = machine.native_attribute(receiver, name, node, frame)
            if found is not MISSING:
                return found
            if name == "__init__" and not receiver.module:
                return Native("__init__", lambda args, kwargs: keep_arguments(machine, receiver, kwargs))
            if name == "__getattribute__":
                return Native(name, lambda args, kwargs: plain_attribute(machine, receiver, args, node, frame))
    return Unknown(f"attribute {name} of a base class", frame.unit.place(node))


def plain_attribute(machine: Machine, receiver: Instance, args: Arguments, node: ast.AST, frame: Frame) -> Value:
    """object.__getattribute__: the attribute without the object's own __getattribute__."""
    name = args[0] if args else None
    if not isinstance(name, str):
        return Unknown("an attribute of unknown name")
    found = own_attribute(machine, receiver, name, node, frame)
    return last_resort(machine, receiver, name, node, frame) if found is MISSING else found


def keep_arguments(machine: Machine, receiver: Instance, kwargs: Keywords) -> None:
    """An outside base class's __init__ (a config's, say) is taken to keep its keyword arguments."""
    for key, value in kwargs.items():
        if key != "**" and key not in receiver.cell:
            machine.heap.write(receiver.cell, key, value)


def store(machine: Machine, receiver: Value, args: Arguments, node: ast.AST, frame: Frame) -> None:
    """object.__setattr__: a property's setter runs, a module takes the value in."""
    name, value = args if len(args) == 2 else (None, None)
    if not isinstance(receiver, Instance) or not isinstance(name, str):
        return
    if name in machine.settable and isinstance(receiver.cls, Class):
        found = receiver.cls.find(name)
        if isinstance(found, Function) and found.setter is not None:
            machine.call(Bound(receiver, found.setter), [value], {}, node, frame)
            return
    if receiver.module:
        value = machine.adopt(receiver, name, value, node, frame)
    machine.heap.write(receiver.cell, name, value)


def function_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Function)
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__module__":
        return machine.project.module_name(value.unit)
    return Unknown(f"attribute {name} of a function")


def bound_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Bound)
    if name == "__self__":
        return value.receiver
    if name == "__func__" and isinstance(value.function, Function):
        return value.function
    if name == "__name__":
        return value.function if isinstance(value.function, str) else value.function.name
    return Unknown(f"attribute {name} of a method")


def partial_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Partial)
    if name == "func":
        return value.function
    if name == "keywords":
        entries: Cell = dict(value.kwargs.items())
        return DictValue(entries)
    return value.args if name == "args" else Unknown(f"attribute {name} of a partial")


def alternatives_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Alternatives)
    kept = [option for option in value.options if option is not None and option is not ABSENT]
    if not kept:
        return Unknown(f"attribute {name} of nothing")
    results = [machine.attribute(option, name, node, frame) for option in kept]
    joined = results[0]
    for result in results[1:]:
        joined = machine.heap.join(joined, result)
    return joined


FORCING: Final = frozenset(
    "apply modules named_modules children named_children parameters named_parameters add_module __class__".split()
)


def deferred_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Deferred)
    if name in ("load_state_dict", "eval", "train", "to", "cuda", "requires_grad_"):
        return Native(name, lambda args, kwargs: value)
    if value.build is None or value.cls.find(name) is not ABSENT or name in FORCING:
        return machine.attribute(value.force(), name, node, frame)
    return Unknown(f"attribute {name} of a model that was put off")


def unknown_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    return value


def comparison_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    if name in compare.CASTS:
        return Native(name, lambda args, kwargs: value)
    return Unknown(f"attribute {name} of a comparison", frame.unit.place(node))


def set_attribute(machine: Machine, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    if isinstance(owner, Alternatives):
        for option in owner.options:
            if option is not None:
                set_attribute(machine, option, name, value, node, frame)
    elif owner is None:
        machine.none_attribute(name, node, frame)
    elif isinstance(owner, Deferred):
        if not isinstance(value, (Unknown, DictValue, *CONSTANTS)) and name not in ("default_cfg", "pretrained_cfg"):
            set_attribute(machine, owner.force(), name, value, node, frame)
    elif isinstance(owner, Instance):
        setter = owner.cls.find("__setattr__") if isinstance(owner.cls, Class) else ABSENT
        running = any(f.function is setter and f.receiver is owner for f in machine.frames)
        if isinstance(setter, Function) and not running:
            machine.call(Bound(owner, setter), [name, value], {}, node, frame)
            return
        if isinstance(owner, Pretrained):
            replace_part(machine, owner, name)
        store(machine, owner, [name, value], node, frame)
    elif isinstance(owner, Class):
        machine.recalled.clear()  # functions may read this attribute
        machine.heap.write(owner.cell, name, value)
    elif isinstance(owner, Symbol) and owner.qualified == MODULE:
        machine.heap.write(machine.patches, f"{MODULE}.{name}", value)
    elif isinstance(owner, (Param, View, Tensor)):
        machine.set_tensor_attribute(owner, name, value, node, frame)


def has_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> bool | None:
    if isinstance(value, Alternatives):
        return compare.agree([has_attribute(machine, option, name, node, frame) for option in value.options])
    if isinstance(value, Deferred):
        if value.build is None:  # made already
            return has_attribute(machine, value.value, name, node, frame)
        return True if value.cls.find(name) is not ABSENT else None
    if isinstance(value, Instance):
        if name in value.cell:
            return True
        if isinstance(value.cls, Class):
            if value.cls.find(name) is not ABSENT:
                return True
            if value.cls.find("__getattribute__") is not ABSENT:
                found = machine.attribute(value, name, node, frame)
                return not is_missing(found, value, name)
            if value.cls.open or value.cls.find("__getattr__") is not ABSENT:
                return None
        elif isinstance(value, Pretrained):
            return None
        return machine.native_attribute(value, name, node, frame) is not MISSING
    if isinstance(value, Class):
        if value.find(name) is not ABSENT or (value.module and name in machine.module_methods):
            return True
        return None if value.open else False
    if isinstance(value, CONSTANTS):
        return hasattr(value, name)
    if isinstance(value, (Tensor, Param, View)):
        return machine.has_tensor_attribute(value, name)
    if isinstance(value, Symbol):
        if f"{value.qualified}.{name}" in machine.patches:
            return True
        if value.qualified == MODULE:
            return name in machine.module_methods
        return True if machine.knowledge.has(canonical(f"{value.qualified}.{name}")) else None
    return None


ATTRIBUTES: Final[dict[type, Attribute]] = {
    Instance: instance_attribute,
    Pretrained: instance_attribute,
    Class: class_attribute,
    Super: super_attribute,
    Function: function_attribute,
    Bound: bound_attribute,
    Partial: partial_attribute,
    Alternatives: alternatives_attribute,
    Deferred: deferred_attribute,
    Unknown: unknown_attribute,
    Comparison: comparison_attribute,
}
