"""Displays, comprehensions, subscripts, slices, and what iterating a value yields."""

from __future__ import annotations

import ast
from functools import reduce
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare, registries
from initlint.interpret.classes import is_dictionary
from initlint.interpret.evaluate import LONGEST
from initlint.interpret.machine import Expression, Machine
from initlint.interpret.records import field_values
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.values import (
    ABSENT,
    CONSTANTS,
    Alternatives,
    Class,
    DictValue,
    Frame,
    Instance,
    ListValue,
    Repeat,
    Symbol,
    Value,
    flatten,
    options,
)

MOST_TURNS: Final = 300  # of a loop that is unrolled
GETITEM: Final = "<getitem>"  # the handler of `tensor[key]`
LONG_CUT: Final = 16  # pieces of a tensor that are told apart


def tuple_(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    items, loose = spread(machine, node.elts, frame)  # type: ignore[attr-defined]
    return ListValue(items, open_=True, kind="tuple") if loose else items


def list_(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    serial = machine.next_serial()
    items, loose = spread(machine, node.elts, frame)  # type: ignore[attr-defined]
    return ListValue(items, open_=loose, serial=serial)


def set_(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    items, loose = spread(machine, node.elts, frame)  # type: ignore[attr-defined]
    return ListValue(items, open_=loose, kind="set")


def spread(machine: Machine, nodes: list[ast.expr], frame: Frame) -> tuple[tuple[Value, ...], bool]:
    """(the elements of a display, whether a starred part of it has an unknown number of them)."""
    found: list[Value] = []
    uncertain = False
    for node in nodes:
        if type(node) is not ast.Starred:
            found.append(machine.evaluate(node, frame))
            continue
        items, loose = iterate(machine, machine.evaluate(node.value, frame), node, frame)
        count = pieces(node.value) if loose and len(items) == 1 else 1
        found += items * count
        uncertain = uncertain or (loose and count == 1)
    return tuple(found), uncertain


def pieces(node: ast.expr) -> int:
    """Into how many pieces `x.chunk(2, dim=-1)` or `torch.chunk(x, 2)` cuts a tensor; 1 where that is not said."""
    if not isinstance(node, ast.Call):
        return 1
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    numbers = [a.value for a in node.args if isinstance(a, ast.Constant)] or [
        k.value.value for k in node.keywords if k.arg in ("chunks", "sections") and isinstance(k.value, ast.Constant)
    ]
    count = numbers[0] if numbers and name in ("chunk", "tensor_split") else 1
    return count if isinstance(count, int) and 0 < count <= LONG_CUT else 1


def dict_(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.Dict)
    result = DictValue(serial=machine.next_serial())
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = machine.evaluate(value_node, frame)
        if key_node is None:
            for option in options(value):
                if isinstance(option, DictValue):
                    result.cell.update(option.cell)
                if not isinstance(option, DictValue) or option.open:
                    result.flags["open"] = True
            continue
        key = machine.evaluate(key_node, frame)
        if not hashable(key):
            result.flags["open"] = True
            key = unknown_key(result)
        result.cell[key] = value
    return result


def dictionary_of(value: Value) -> DictValue | None:
    """A dictionary, or an object of a subclass of one."""
    if isinstance(value, DictValue):
        return value
    if isinstance(value, Instance) and isinstance(value.cls, Class) and is_dictionary(value.cls):
        return DictValue(value.cell)
    return None


def hashable(key: Value) -> bool:
    if isinstance(key, tuple):
        return all(hashable(part) for part in key)
    return not isinstance(key, (Unknown, Alternatives, ListValue, DictValue, Tensor, slice))


def unknown_key(target: DictValue | Instance) -> str:
    """Where the value of a key that is not known is kept."""
    return f"?{len(target.cell)}"


def under_unknown_keys(value: DictValue | Instance) -> tuple[Value, ...]:
    """The values that were put under keys that are not known."""
    return tuple(part for key, part in value.cell.items() if compare.is_unknown_key(key))


def iterate(machine: Machine, value: Value, node: ast.AST, frame: Frame) -> tuple[tuple[Value, ...], bool]:
    """(the items, whether they repeat an unknown number of times)."""
    if isinstance(value, tuple):
        return value, False
    if isinstance(value, ListValue):
        return value.items, value.open
    if isinstance(value, range):
        return (tuple(value), False) if len(value) <= LONGEST else (tuple(value[:2]), True)
    if isinstance(value, DictValue):
        return tuple(value.cell), value.open
    if isinstance(value, str):
        return tuple(value), False
    if isinstance(value, Repeat):
        return value.items, True
    if isinstance(value, Alternatives):
        found = [iterate(machine, option, node, frame) for option in value.options if option is not None]
        if found:
            several = [items for items, _ in found]
            items = abreast(machine, several) if all(map(holds_modules, several)) else max(several, key=len)
            return items, len({len(items) for items in several}) > 1 or any(open_ for _, open_ in found)
    if isinstance(value, Instance):
        if value.spec is not None and value.spec.role == "container":
            if compare.is_named(value):
                return compare.names_in(value), False
            return tuple(compare.contents(value)), False
        if isinstance(value.cls, Class) and value.cls.find("__iter__") is not ABSENT:
            result = machine.call(machine.attribute(value, "__iter__", node, frame), [], {}, node, frame)
            if not isinstance(result, Instance):
                return iterate(machine, result, node, frame)
        if (fields := field_values(value)) is not None:
            return tuple(fields.values()), False
    if isinstance(value, (Tensor, Param, View)):
        return (value.rearranged() if isinstance(value, Tensor) else Tensor(),), True
    if isinstance(value, Class):  # an enumeration
        members = tuple(v for v in value.cell.values() if isinstance(v, Instance) and v.cls is value)
        if members:
            return members, False
    if isinstance(value, Unknown):
        return (value,), True
    return (Unknown("an element of something not understood"),), True


def holds_modules(items: tuple[Value, ...]) -> bool:
    return any(isinstance(option, Instance) and option.module for item in items for option in options(item))


def abreast(machine: Machine, several: list[tuple[Value, ...]]) -> tuple[Value, ...]:
    """The elements of one of several sequences, whichever it is: the first of one of them, and so on."""
    return tuple(
        reduce(machine.heap.alternatives, [items[turn] for items in several if turn < len(items)])
        for turn in range(max(map(len, several)))
    )


def assign(machine: Machine, target: ast.expr, value: Value, frame: Frame) -> None:
    """Bind a target: a name, an attribute, an element, or a pattern of these."""
    if isinstance(target, ast.Name):
        scope = frame
        if frame.scopes and target.id in frame.scopes:
            scope = frame.scopes[target.id]
        machine.heap.write(scope.cell, target.id, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part, item in zip(target.elts, unpack(machine, value, target, frame)):
            assign(machine, part, item, frame)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, value, frame)
    elif isinstance(target, ast.Attribute):
        owner = machine.evaluate(target.value, frame)
        machine.set_attribute(owner, target.attr, value, target, frame)
    elif isinstance(target, ast.Subscript):
        machine.set_item(target, value, frame)


def unassign(machine: Machine, target: ast.expr, node: ast.stmt, frame: Frame) -> None:
    """`del` of a target: a name, an attribute or an element."""
    if isinstance(target, ast.Name):
        machine.heap.delete(frame.cell, target.id)
    elif isinstance(target, ast.Attribute):
        owner = machine.evaluate(target.value, frame)
        if isinstance(owner, Instance):
            if owner.module:
                machine.adopt(owner, target.attr, None, node, frame)
            machine.heap.delete(owner.cell, target.attr)
    elif isinstance(target, ast.Subscript):
        owner, key = machine.evaluate(target.value, frame), machine.evaluate(target.slice, frame)
        if isinstance(owner, DictValue) and isinstance(key, str):
            registries.take(machine, owner, key)
        elif isinstance(owner, ListValue) and isinstance(key, (int, slice)):
            items = list(owner.items)
            try:
                del items[key]
            except IndexError:
                return
            machine.heap.write(owner.cell, "items", tuple(items))
        elif isinstance(owner, Instance):
            machine.delete_item(owner, key)


def unpack(machine: Machine, value: Value, target: ast.Tuple | ast.List, frame: Frame) -> list[Value]:
    """One value for each element of the target; a starred one gets a list."""
    count = len(target.elts)
    star = next((i for i, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
    if isinstance(value, Alternatives):
        columns = [unpack(machine, option, target, frame) for option in value.options]
        result = columns[0]
        for column in columns[1:]:
            result = [machine.heap.join(a, b) for a, b in zip(result, column, strict=True)]
        return result
    items, loose = iterate(machine, value, target, frame)
    if loose or (star is None and len(items) != count) or len(items) < count - 1:
        fill = items[0] if items and loose else Unknown("unpacking of unknown length")
        if isinstance(value, ListValue) and value.kind == "tuple" and items:
            fill = joined(machine, items)
        return [ListValue((fill,), open_=True) if i == star else fill for i in range(count)]
    if star is None:
        return list(items)
    after = count - star - 1
    middle = ListValue(items[star : len(items) - after])
    return [*items[:star], middle, *items[len(items) - after :]] if after else [*items[:star], middle]


def slice_(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.Slice)
    parts = [machine.evaluate(p, frame) if p is not None else None for p in (node.lower, node.upper, node.step)]
    if all(part is None or isinstance(part, int) for part in parts):
        return slice(*parts)
    return Unknown("a slice with unknown bounds")


def subscript(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.Subscript)
    value = machine.evaluate(node.value, frame)
    if isinstance(value, Symbol) and value.qualified.partition(".")[0] in ("typing", "collections"):
        return value
    return item(machine, value, machine.evaluate(node.slice, frame), node, frame)


def item(machine: Machine, value: Value, key: Value, node: ast.AST, frame: Frame) -> Value:
    """`value[key]`."""
    if isinstance(value, Alternatives):
        return machine.each(value, lambda option: item(machine, option, key, node, frame))
    if isinstance(value, (Tensor, Param, View)):
        return machine.tables.symbols[GETITEM](machine, [value, key], {}, node, frame)
    if isinstance(value, DictValue):
        return dict_item(machine, value, key, node, frame)
    if isinstance(key, Alternatives):
        return machine.each(key, lambda option: item(machine, value, option, node, frame))
    if isinstance(value, Instance):
        return instance_item(machine, value, key, node, frame)
    if isinstance(value, (Class, Symbol)):
        if isinstance(value, Class) and isinstance(key, str) and isinstance(value.cell.get(key), Instance):
            return value.cell[key]
        if isinstance(value, Symbol) and isinstance(key, (*CONSTANTS, Unknown)) and key is not Ellipsis:
            return Unknown(f"an element of {value.qualified}")
        return value  # a generic: nn.Module[...], List[int]
    if isinstance(value, ListValue) and value.open and value.items:
        if isinstance(key, slice):
            return ListValue(value.items, open_=True)
        return joined(machine, value.items)
    if isinstance(value, Repeat) and value.items:
        return value if isinstance(key, slice) else joined(machine, value.items)
    sequence = value.items if isinstance(value, ListValue) else value
    if isinstance(sequence, (tuple, str, bytes, range)):
        if isinstance(key, (int, slice)):
            try:
                found = sequence[key]
            except (IndexError, ValueError):
                if machine.sampled and isinstance(value, ListValue) and value.items:
                    return value.items[-1]
                return Unknown("an index out of range", frame.unit.place(node))
            if isinstance(value, ListValue) and isinstance(found, tuple) and isinstance(key, slice):
                return ListValue(found)
            return found
        if isinstance(value, (ListValue, tuple)) and isinstance(key, Unknown):
            parts = value.items if isinstance(value, ListValue) else value
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                return ListValue(parts, open_=True)
            return joined(machine, parts) if parts and len(parts) <= 8 else key
    return value if isinstance(value, Unknown) else Unknown("an element of something not understood")


def joined(machine: Machine, items: tuple[Value, ...]) -> Value:
    result = items[0]
    for part in items[1:]:
        result = machine.heap.join(result, part)
    return result


def dict_item(machine: Machine, value: DictValue, key: Value, node: ast.AST, frame: Frame) -> Value:
    if isinstance(key, Alternatives):
        return machine.each(key, lambda option: dict_item(machine, value, option, node, frame))
    if hashable(key):
        if key in value.cell:
            return value.cell[key]
        if value.factory is not None:
            made = machine.call(value.factory, [], {}, node, frame)
            machine.heap.write(value.cell, key, made)
            return made
        entries = under_unknown_keys(value) if value.open else ()  # one of these, if any
        return joined(machine, entries) if 0 < len(entries) <= 6 else Unknown(f"no key {key!r}", frame.unit.place(node))
    entries = tuple(value.cell.values())
    if any(is_activation(machine, part) for part in flatten(entries)):
        return Unknown("an activation by a name that is not known", frame.unit.place(node))
    if 0 < len(entries) <= 6 and (not value.open or under_unknown_keys(value)):
        return joined(machine, entries)  # a lookup table asked with an unknown name
    return Unknown("a key that is not known", frame.unit.place(node))


def is_activation(machine: Machine, value: Value) -> bool:
    """Whether this is an activation of the framework, its class or its function."""
    known = machine.knowledge
    if isinstance(value, Symbol):
        spec = known.layers.get(value.qualified) or known.functions.get(value.qualified)
        return spec is not None and spec.role == "activation"
    return isinstance(value, Instance) and value.spec is not None and value.spec.role == "activation"


def instance_item(machine: Machine, value: Instance, key: Value, node: ast.AST, frame: Frame) -> Value:
    if isinstance(value.cls, Class) and value.cls.find("__getitem__") is not ABSENT:
        return machine.call(machine.attribute(value, "__getitem__", node, frame), [key], {}, node, frame)
    if isinstance(value.cls, Class) and is_dictionary(value.cls):
        return dict_item(machine, DictValue(value.cell), key, node, frame)
    if (fields := field_values(value)) is not None:
        return item(machine, tuple(fields.values()), key, node, frame)
    if value.spec is not None and value.spec.role == "container":
        if isinstance(key, str):
            entries = () if key in value.cell else under_unknown_keys(value)  # one of these, if any
            known = 0 < len(entries) <= 6
            return joined(machine, entries) if known else value.cell.get(key, Unknown(f"no module {key!r}"))
        children = compare.contents(value)
        if isinstance(key, int):
            try:
                return children[key]
            except IndexError:
                return children[-1] if children and machine.sampled else Unknown("an index out of range")
        if isinstance(key, slice):
            return machine.container(value, children[key])
        if 0 < len(children) <= 6:
            return joined(machine, tuple(children))
    return Unknown("an element of an object")


EXPRESSIONS: Final[dict[type[ast.AST], Expression]] = {
    ast.Tuple: tuple_,
    ast.List: list_,
    ast.Set: set_,
    ast.Dict: dict_,
    ast.Slice: slice_,
    ast.Subscript: subscript,
}
