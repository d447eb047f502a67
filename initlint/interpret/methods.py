"""Methods of strings, lists, dictionaries and other values of the language."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.builtins import merge
from initlint.interpret.evaluate import LONGEST
from initlint.interpret.machine import Arguments, Attribute, Keywords, Machine
from initlint.interpret.registries import Registry, put, take
from initlint.interpret.sequences import dict_item, hashable, iterate
from initlint.interpret.sorting import in_order
from initlint.interpret.values import Absent, Bound, DictValue, Frame, ListValue, Native, Repeat, Value

MOST_MEMBERS: Final = 256  # of a set that grows
SAFE_STRING: Final = frozenset(
    "lower upper strip lstrip rstrip split rsplit replace startswith endswith find rfind index count title capitalize"
    " removeprefix removesuffix partition rpartition isdigit isupper islower casefold swapcase isalpha isidentifier"
    " splitlines zfill join format rindex isnumeric".split()
)


def string_method(machine: Machine, text: str, name: str, args: Arguments, kwargs: Keywords) -> Value:
    """A string's method, by the real one, on known arguments only."""
    if name not in SAFE_STRING:
        return Unknown(f"str.{name}")
    plain: list[object] = []
    for value in args:
        if name == "join":
            items = compare.elements(value)
            if items is None or not all(isinstance(item, str) for item in items):
                return Unknown("a joined string")
            plain.append(items)
        elif isinstance(value, (str, int, float, type(None))) or (
            isinstance(value, tuple) and all(isinstance(part, str) for part in value)
        ):
            plain.append(value)
        else:
            return Unknown(f"str.{name} of something unknown")
    if name in ("zfill", "format", "replace") and (
        kwargs or len(text) > LONGEST or any(isinstance(p, int) and p > LONGEST for p in plain)
    ):
        return Unknown(f"str.{name}")
    if name == "format" and any(mark in text for mark in (":", "!", ".", "[")):
        return Unknown("a formatted string")
    try:
        result = getattr(text, name)(*plain)
    except (ValueError, TypeError, IndexError, KeyError):
        return Unknown(f"str.{name} that fails")
    return ListValue(tuple(result)) if isinstance(result, list) else result


def list_method(
    machine: Machine, target: ListValue, name: str, args: Arguments, node: ast.AST, frame: Frame, kwargs: Keywords
) -> Value:
    heap, items = machine.heap, target.items
    if name in ("append", "add"):
        if len(items) < LONGEST:
            heap.write(target.cell, "items", (*items, *args[:1]))
        if len(items) >= LONGEST or 0 < machine.repeating >= target.serial:  # it grows as often as a loop turns
            heap.write(target.cell, "open", True)
        return None
    if name in ("extend", "update"):
        for value in args:
            more, loose = iterate(machine, value, node, frame)
            machine.fuel -= len(more)
            if len(target.items) + len(more) <= (MOST_MEMBERS if target.kind == "set" else LONGEST):
                heap.write(target.cell, "items", (*target.items, *more))
            else:
                loose = True
            if loose or 0 < machine.repeating >= target.serial:
                heap.write(target.cell, "open", True)
        return None
    if name == "insert" and len(args) == 2:
        at = args[0] if isinstance(args[0], int) else len(items)
        copy = list(items)
        copy.insert(at, args[1])
        heap.write(target.cell, "items", tuple(copy))
        return None
    if name in ("pop", "popleft"):
        at = 0 if name == "popleft" else args[0] if args and isinstance(args[0], int) else -1
        if not items or (args and not isinstance(args[0], int)):
            return Unknown("pop")
        copy = list(items)
        try:
            value = copy.pop(at)
        except IndexError:
            return Unknown("pop from an empty list")
        if not target.open:
            heap.write(target.cell, "items", tuple(copy))
        return value
    if name == "copy":
        return ListValue(items, open_=target.open, kind=target.kind, serial=machine.next_serial())
    if name == "reverse":
        heap.write(target.cell, "items", items[::-1])
        return None
    if name == "clear":
        heap.write(target.cell, "items", ())
        return None
    if name in ("remove", "discard"):
        kept = [i for i in items if compare.equal(i, args[0] if args else None) is not True]
        heap.write(target.cell, "items", tuple(kept))
        return None
    if name == "index" and args:
        for position, item in enumerate(items):
            same = compare.equal(item, args[0])
            if same is not False:
                return position if same else Unknown("index")
    if name == "count" and args:
        answers = [compare.equal(item, args[0]) for item in items]
        return Unknown("count") if None in answers or target.open else answers.count(True)
    if name == "sort":
        heap.write(target.cell, "items", in_order(machine, items, kwargs, node, frame))
        return None
    if name in ("union", "intersection", "difference", "issubset", "issuperset", "symmetric_difference"):
        other, loose = iterate(machine, args[0] if args else (), node, frame)
        inside = [compare.contains(other, item) for item in items]
        if loose or target.open or None in inside:
            return Unknown(f"set.{name}")
        if name == "issubset":
            return all(inside)
        if name == "union":
            return ListValue((*items, *(i for i in other if compare.contains(items, i) is False)), kind="set")
        keep = name == "intersection"
        if name in ("intersection", "difference"):
            return ListValue(tuple(i for i, there in zip(items, inside, strict=True) if there is keep), kind="set")
    return Unknown(f"list.{name}")


def dict_method(
    machine: Machine, target: DictValue, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    heap = machine.heap
    if name in ("get", "pop", "setdefault") and args:
        key = args[0]
        default = args[1] if len(args) > 1 else kwargs.get("default")
        if not hashable(key):
            if name != "get":
                return Unknown(f"dict.{name} with an unknown key")
            return heap.join(dict_item(machine, target, key, node, frame), default)
        if key in target.cell:
            value = target.cell[key]
            if name == "pop":
                take(machine, target, key)
            return value
        if target.open:
            return heap.alternatives(default, Unknown(f"key {key!r} of a dictionary not wholly known"))
        if name == "setdefault":
            put(machine, target, key, default, node, frame)
        return default
    if name == "items":
        return ListValue(tuple(target.cell.items()), open_=target.open and bool(target.cell))
    if name == "keys":
        return ListValue(tuple(target.cell), open_=target.open)
    if name == "values":
        return ListValue(tuple(target.cell.values()), open_=target.open)
    if name == "update":
        for value in args:
            merge(machine, target, value, node, frame)
        for word, value in kwargs.items():
            if word != "**":
                put(machine, target, word, value, node, frame)
        return None
    if name in ("copy", "to_dict", "__copy__"):
        copied = DictValue(dict(target.cell), open_=target.open, serial=machine.next_serial())
        copied.factory = target.factory
        return copied
    if name == "clear":
        for key in list(target.cell):
            take(machine, target, key)
        return None
    if name == "popitem" and target.cell:
        key = next(reversed(target.cell))
        value = target.cell[key]
        take(machine, target, key)
        return (key, value)
    if name == "move_to_end":
        return None
    if name == "__contains__" and args:
        answer = compare.contains(target, args[0])
        return Unknown("a membership test") if answer is None else answer
    if name == "__getitem__" and args:
        return dict_item(machine, target, args[0], node, frame)
    if name == "__setitem__" and len(args) == 2 and hashable(args[0]):
        heap.write(target.cell, args[0], args[1])
        return None
    return Unknown(f"dict.{name}")


def value_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute of a constant or a collection: nearly always a method about to be called."""
    if isinstance(value, DictValue) and name not in DICT_METHODS and name in value.cell:
        return value.cell[name]  # attribute dictionaries
    if name == "__class__":
        return machine.tables.symbols["builtins.type"](machine, [value], {}, node, frame)
    if value is None:
        return machine.none_attribute(name, node, frame)
    if isinstance(value, (int, float)) and name in ("real", "value"):
        return value
    return Bound(value, name)


def call_method(
    machine: Machine, receiver: Value, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Call a method of a value of the language."""
    if isinstance(receiver, str):
        return string_method(machine, receiver, name, args, kwargs)
    if isinstance(receiver, ListValue):
        return list_method(machine, receiver, name, args, node, frame, kwargs)
    if isinstance(receiver, DictValue):
        return dict_method(machine, receiver, name, args, kwargs, node, frame)
    if isinstance(receiver, (tuple, range)) and name in ("index", "count") and args:
        return list_method(machine, ListValue(tuple(receiver[:LONGEST])), name, args, node, frame, kwargs)
    return machine.lost(f"{type(receiver).__name__}.{name}", [receiver, *args], kwargs)


DICT_METHODS: Final = frozenset("get pop items keys values update copy setdefault clear popitem".split())
ATTRIBUTES: Final[dict[type, Attribute]] = dict.fromkeys(
    (
        str,
        int,
        float,
        bool,
        bytes,
        type(None),
        tuple,
        range,
        ListValue,
        DictValue,
        Registry,
        Repeat,
        Native,
        slice,
        Absent,
    ),
    value_attribute,
)
