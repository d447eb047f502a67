"""What Python's own functions do to abstract values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.evaluate import LONGEST, binary
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.records import field_values
from initlint.interpret.reflection import (
    answer,
    callable_,
    delattr_,
    dir_,
    getattr_,
    globals_,
    hasattr_,
    import_,
    isinstance_,
    issubclass_,
    method_of_kind,
    setattr_,
    super_,
    type_,
    vars_,
)
from initlint.interpret.sequences import hashable, iterate, unknown_key
from initlint.interpret.sorting import in_order, sort_keys
from initlint.interpret.tensors import Tensor
from initlint.interpret.values import (
    ABSENT,
    Alternatives,
    Class,
    DictValue,
    Frame,
    Instance,
    ListValue,
    Repeat,
    Symbol,
    Value,
)


def len_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else None
    if isinstance(value, Alternatives):
        return machine.each(value, lambda option: len_(machine, [option], {}, node, frame))
    if isinstance(value, (tuple, str, range)):
        return len(value)
    if isinstance(value, ListValue):
        items = compare.elements(value)
        return Unknown("the length of a list") if items is None else len(items)
    if isinstance(value, DictValue) and not value.open:
        return len(value.cell)
    if isinstance(value, Instance):
        if (fields := field_values(value)) is not None:
            return len(fields)
        if isinstance(value.cls, Class) and value.cls.find("__len__") is not ABSENT:
            return machine.call(machine.attribute(value, "__len__", node, frame), [], {}, node, frame)
        if value.spec is not None and value.spec.role == "container":
            empty = not value.cell and not value.escaped
            return len(compare.contents(value)) or (0 if empty else Unknown("a container in which nothing is seen"))
    return Unknown("a length")


def range_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if args and all(isinstance(part, int) for part in args):
        try:
            return range(*args)  # type: ignore[call-overload]
        except (ValueError, TypeError):
            return Unknown("a range that fails")
    return Repeat((Unknown("a loop index"),), "a range of unknown length")


def zip_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    columns = [iterate(machine, value, node, frame) for value in args]
    lengths = [len(items) for items, loose in columns if not loose]
    if not lengths:
        return ListValue((tuple(items[0] if items else Unknown("an element") for items, _ in columns),), open_=True)
    count = min(lengths)
    rows = (
        tuple(items[i % len(items)] if items else Unknown("an element") for items, _ in columns) for i in range(count)
    )
    return ListValue(tuple(rows))


def enumerate_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    start = kwargs.get("start", args[1] if len(args) > 1 else 0)
    if loose or not isinstance(start, int):
        return ListValue(tuple((Unknown("a loop index"), item) for item in items), open_=loose)
    return ListValue(tuple((start + index, item) for index, item in enumerate(items)))


def sequence_of(kind: str) -> Handler:
    def make(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if not args:
            return () if kind == "tuple" else ListValue((), kind=kind, serial=machine.next_serial())
        items, loose = iterate(machine, args[0], node, frame)
        if kind == "tuple" and not loose:
            return items
        if kind == "set":
            kept: list[Value] = []
            for item in items:
                if not any(compare.equal(item, other) is True for other in kept):
                    kept.append(item)
            items = tuple(kept)
        return ListValue(items, open_=loose, kind=kind, serial=machine.next_serial())

    return make


def reversed_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    return ListValue(items[::-1], open_=loose)


def sorted_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    return ListValue(in_order(machine, items, kwargs, node, frame), open_=loose, serial=machine.next_serial())


def map_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    columns = zip_(machine, args[1:], {}, node, frame)
    rows, loose = iterate(machine, columns, node, frame)
    made = (machine.call(args[0], list(row), {}, node, frame) for row in rows if isinstance(row, tuple))
    return ListValue(tuple(made), open_=loose)


def filter_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[1] if len(args) > 1 else None, node, frame)
    kept = []
    for item in items:
        wanted = compare.truth(item if args[0] is None else machine.call(args[0], [item], {}, node, frame))
        if wanted is not False:
            kept.append(item)
            loose = loose or wanted is None
    return ListValue(tuple(kept), open_=loose)


def dict_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    result = DictValue(serial=machine.next_serial())
    if args:
        merge(machine, result, args[0], node, frame)
    result.cell.update({k: v for k, v in kwargs.items() if k != "**"})
    if "**" in kwargs:
        result.flags["open"] = True
    return result


def merge(machine: Machine, target: DictValue, source: Value, node: ast.AST, frame: Frame) -> None:
    """`target.update(source)`."""
    if isinstance(source, DictValue):
        for key, value in source.cell.items():
            machine.heap.write(target.cell, key, value)
        if source.open:
            machine.heap.write(target.flags, "open", True)
        return
    pairs, loose = iterate(machine, source, node, frame)
    for pair in pairs:
        parts = compare.elements(pair)
        if parts is not None and len(parts) == 2:
            key = parts[0] if hashable(parts[0]) else unknown_key(target)
            machine.heap.write(target.cell, key, parts[1])
            loose = loose or key is not parts[0]
        else:
            loose = True
    if loose:
        machine.heap.write(target.flags, "open", True)


def number(convert: Callable[[object], object]) -> Handler:
    def make(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        value = args[0] if args else 0
        if isinstance(value, Alternatives):
            return machine.each(value, lambda option: make(machine, [option, *args[1:]], kwargs, node, frame))
        if all(isinstance(part, (int, float, str)) for part in args):
            try:
                return convert(*args)
            except (ValueError, TypeError, OverflowError):
                return Unknown("a conversion that fails")
        if isinstance(value, (Tensor, Unknown)):
            return Unknown("a number")
        return Unknown("a number")

    return make


def bool_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return answer(compare.truth(args[0]) if args else False, "a condition")


def str_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else ""
    if isinstance(value, (str, int, float, bool, type(None))):
        return str(value)
    if isinstance(value, (Symbol, Class)):
        return class_text(machine, value)
    if isinstance(value, tuple) and value and all(isinstance(part, (Symbol, Class)) for part in value):
        return f"({', '.join(class_text(machine, part) for part in value)})"
    return Unknown("a string")


def class_text(machine: Machine, value: Value) -> str:
    if isinstance(value, Class):
        return f"<class '{machine.project.module_name(value.unit)}.{value.name}'>"
    return f"<class '{value.qualified}'>" if isinstance(value, Symbol) else ""


def extreme(pick: Callable[..., int]) -> Handler:
    def choose(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        values = compare.elements(args[0]) if len(args) == 1 else tuple(args)
        if values:
            keys = sort_keys(machine, values, kwargs, node, frame)
            if keys is not None:
                return values[pick(range(len(values)), key=keys.__getitem__)]
        if values == () and "default" in kwargs:
            return kwargs["default"]
        return Unknown("an extreme of unknown numbers")

    return choose


def operation(*kinds: type[ast.operator]) -> Handler:
    def compute(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if len(args) != 2 or kwargs:
            return Unknown("a number")
        left, right = args
        found = tuple(binary(machine, kind, left, right, node, frame) for kind in kinds)
        return found if len(found) > 1 else found[0]

    return compute


def from_keys(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[1] if len(args) > 1 else None
    keys, loose = iterate(machine, args[0] if args else None, node, frame)
    pairs = ListValue(tuple((key, value) for key in keys), open_=loose)
    return dict_(machine, [pairs], {}, node, frame)


def sum_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if args and isinstance(args[0], range):
        return len(args[0]) * (args[0][0] + args[0][-1]) // 2 if args[0] else 0
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    if loose and not any(isinstance(i, Tensor) for i in items):
        return Unknown("a sum of unknown length")
    total: Value = args[1] if len(args) > 1 else kwargs.get("start", 0)
    for item in items[:LONGEST]:
        total = item if total == 0 and not isinstance(item, int) else binary(machine, ast.Add, total, item, node, frame)
    return total


def any_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    truths = [compare.truth(item) for item in items]
    return True if True in truths else answer(None if None in truths or loose else False, "a condition")


def all_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    truths = [compare.truth(item) for item in items]
    return False if False in truths else answer(None if None in truths or loose else True, "a condition")


def next_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else None
    items, loose = iterate(machine, value, node, frame)
    if not items:
        return args[1] if len(args) > 1 else Unknown("next of nothing")
    if isinstance(value, ListValue) and not loose:
        machine.heap.write(value.cell, "items", items[1:])
    return items[0]


def first(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return args[0] if args else None


def iter_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    return ListValue(items, open_=loose)


def nothing(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return None


HANDLERS: Final[dict[str, Handler]] = {
    "builtins." + name: handler
    for name, handler in {
        "len": len_,
        "range": range_,
        "zip": zip_,
        "enumerate": enumerate_,
        "list": sequence_of("list"),
        "tuple": sequence_of("tuple"),
        "set": sequence_of("set"),
        "frozenset": sequence_of("set"),
        "reversed": reversed_,
        "sorted": sorted_,
        "map": map_,
        "filter": filter_,
        "dict": dict_,
        "dict.fromkeys": from_keys,
        "int": number(int),  # type: ignore[arg-type]
        "float": number(float),  # type: ignore[arg-type]
        "round": number(round),  # type: ignore[arg-type]
        "abs": number(abs),  # type: ignore[arg-type]
        "divmod": operation(ast.FloorDiv, ast.Mod),
        "pow": operation(ast.Pow),
        "bool": bool_,
        "str": str_,
        "repr": str_,
        "max": extreme(max),
        "min": extreme(min),
        "sum": sum_,
        "any": any_,
        "all": all_,
        "isinstance": isinstance_,
        "issubclass": issubclass_,
        "hasattr": hasattr_,
        "dir": dir_,
        "getattr": getattr_,
        "setattr": setattr_,
        "delattr": delattr_,
        "__import__": import_,
        "callable": callable_,
        **{kind: method_of_kind(kind) for kind in ("staticmethod", "classmethod", "property")},
        "type": type_,
        "super": super_,
        "next": next_,
        "iter": iter_,
        "print": nothing,
        "vars": vars_,
        "globals": globals_,
        "id": lambda machine, args, kwargs, node, frame: Unknown("an identity"),
    }.items()
}
