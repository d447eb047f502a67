"""Expressions: each `ast` node type to the value it stands for."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.heap import MISSING
from initlint.interpret.machine import Arguments, Expression, Keywords, Machine
from initlint.interpret.names import PERHAPS_IMPORTED, lookup
from initlint.interpret.postponed import Deferred
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.trees import NAME
from initlint.interpret.values import (
    ABSENT,
    Alternatives,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Repeat,
    Symbol,
    Value,
)

MOST_BITS: Final = 2048  # of an integer that is computed
LONGEST: Final = 4096  # elements of a sequence that we are ready to make
WIDE: Final = re.compile(r"\d{4}")  # a width or precision that fills memory
BINARY: Final[dict[type[ast.operator], tuple[str, Callable[[object, object], object]]]] = {
    ast.Add: ("add", operator.add),
    ast.Sub: ("sub", operator.sub),
    ast.Mult: ("mul", operator.mul),
    ast.Div: ("truediv", operator.truediv),
    ast.FloorDiv: ("floordiv", operator.floordiv),
    ast.Mod: ("mod", operator.mod),
    ast.Pow: ("pow", operator.pow),
    ast.MatMult: ("matmul", operator.matmul),
    ast.LShift: ("lshift", operator.lshift),
    ast.RShift: ("rshift", operator.rshift),
    ast.BitOr: ("or", operator.or_),
    ast.BitAnd: ("and", operator.and_),
    ast.BitXor: ("xor", operator.xor),
}
NUMBERS: Final = (int, float, bool, complex)


def constant(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    return node.value  # type: ignore[attr-defined]


def name(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert type(node) is ast.Name
    word = node.id
    value = frame.cell.get(word, MISSING)
    if value is MISSING or type(value) in PERHAPS_IMPORTED:
        value = lookup(machine, word, frame)
    if type(value) is Unknown and value.place is None:
        return Unknown(value.why, frame.unit.place(node))
    return value


def attribute(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert type(node) is ast.Attribute
    owner = node.value
    value = name(machine, owner, frame) if type(owner) is NAME else machine.evaluate(owner, frame)
    word = node.attr
    found: Value = MISSING
    if type(value) is Instance:
        found = value.cell.get(word, MISSING)
    elif type(value) is Symbol:
        found = value.members.get(word, MISSING)
    return found if found is not MISSING else machine.attribute(value, word, node, frame)


def call(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.Call)
    callee = machine.evaluate(node.func, frame)
    args, kwargs = arguments(machine, node, frame)
    machine.fuel -= len(args)
    if machine.lost_writes and not (isinstance(callee, Symbol) and callee.qualified in machine.knowledge.initializers):
        machine.found_again((*args, *kwargs.values()))
    outer, frame.call = frame.call, node
    try:
        return machine.call(callee, args, kwargs, node, frame)
    finally:
        frame.call = outer


def arguments(machine: Machine, node: ast.Call, frame: Frame) -> tuple[Arguments, Keywords]:
    """Evaluated arguments. Unknown ones behind `**` leave the keyword `**`."""
    args: Arguments = []
    kwargs: Keywords = {}
    for argument in node.args:
        if type(argument) is NAME:
            args.append(name(machine, argument, frame))
        elif type(argument) is ast.Starred:
            value = machine.evaluate(argument.value, frame)
            if isinstance(value, Alternatives):
                value = one_sequence(machine, value)
            items = compare.elements(value)
            if items is None and isinstance(value, Instance):
                items = tuple(compare.contents(value))
            if items is None:
                args += value.items if isinstance(value, (ListValue, Repeat)) else (Unknown("starred argument"),)
            else:
                args += items
        else:
            args.append(machine.evaluate(argument, frame))
    for keyword in node.keywords:
        given = keyword.value
        value = name(machine, given, frame) if type(given) is NAME else machine.evaluate(given, frame)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
            continue
        for option in value.options[:1] if isinstance(value, Alternatives) else (value,):
            if isinstance(option, DictValue):
                kwargs.update({k: v for k, v in option.cell.items() if isinstance(k, str)})
            if not isinstance(option, DictValue) or option.open:
                kwargs["**"] = Unknown("keyword arguments")
    return args, kwargs


def one_sequence(machine: Machine, value: Alternatives) -> Value:
    """Alternative tuples as one list, elements that only some have being perhaps absent."""
    found = [o if isinstance(o, tuple) else o.items for o in value.options if isinstance(o, (tuple, ListValue))]
    if not found:
        return value
    items = found[0]
    for other in found[1:]:
        items = machine.heap.join_items(items, other)
    return ListValue(items)


def binary_node(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    """A chain such as 1 + 1 + ... is walked with a loop, since its tree is as deep as it is long."""
    chain: list[ast.BinOp] = []
    current: ast.expr = node
    while isinstance(current, ast.BinOp):
        chain.append(current)
        current = current.left
    value = machine.evaluate(current, frame)
    for step in reversed(chain):
        machine.fuel -= 1
        value = binary(machine, type(step.op), value, machine.evaluate(step.right, frame), step, frame)
    return value


def binary(machine: Machine, op: type[ast.operator], left: Value, right: Value, node: ast.AST, frame: Frame) -> Value:
    word, function = BINARY[op]
    if isinstance(left, NUMBERS) and isinstance(right, NUMBERS):
        return arithmetic(op, function, left, right)
    if isinstance(left, Alternatives):
        return machine.each(left, lambda option: binary(machine, op, option, right, node, frame))
    if isinstance(right, Alternatives):
        return machine.each(right, lambda option: binary(machine, op, left, option, node, frame))
    if isinstance(left, (Tensor, Param, View)) or isinstance(right, (Tensor, Param, View)):
        return machine.tables.symbols["operator." + word](machine, [left, right], {}, node, frame)
    for value, other, method in ((left, right, f"__{word}__"), (right, left, f"__r{word}__")):
        if isinstance(value, Instance) and isinstance(value.cls, Class) and value.cls.find(method) is not ABSENT:
            return machine.call(machine.attribute(value, method, node, frame), [other], {}, node, frame)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return compare.of_mask(word, left, right)
    if isinstance(left, Instance) and isinstance(right, (Instance, ListValue)) and op is ast.Add:
        return joined_containers(machine, left, right, node, frame)
    return collection_arithmetic(op, left, right)


def joined_containers(
    machine: Machine, left: Instance, right: Instance | ListValue, node: ast.AST, frame: Frame
) -> Value:
    """`sequential + sequential`: a new one with the modules of both."""
    if left.spec is None or left.spec.role != "container":
        return Unknown(f"a sum of {left.name} objects")
    items = [item for side in (left, right) for item in machine.iterate(side, node, frame)[0]]
    return machine.container(left, items)


def arithmetic(
    op: type[ast.operator], function: Callable[[object, object], object], left: complex, right: complex
) -> Value:
    """Numbers, within bounds: a huge power or shift is Unknown, not a hang."""
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length()
        grown = bits * abs(right) if op is ast.Pow else bits + right if op is ast.LShift else bits + right.bit_length()
        if grown > MOST_BITS:
            return Unknown("a number too large to compute")
    try:
        return function(left, right)
    except (ArithmeticError, TypeError, ValueError):
        return Unknown("arithmetic that fails")


def combine_sets(op: type[ast.operator], left: ListValue, right: ListValue) -> Value:
    """`|`, `&` and `-` of sets."""
    inside = [compare.contains(right, item) for item in left.items]
    if None in inside and op is not ast.BitOr:
        return Unknown("a set")
    if op is ast.BitOr:
        items = (*left.items, *(item for item in right.items if compare.contains(left, item) is not True))
    else:
        items = tuple(i for i, there in zip(left.items, inside, strict=True) if there is (op is ast.BitAnd))
    return ListValue(items, open_=left.open or right.open, kind="set")


def collection_arithmetic(op: type[ast.operator], left: Value, right: Value) -> Value:
    if op is ast.Add:
        if isinstance(left, str) and isinstance(right, str):
            return left + right if len(left) + len(right) <= LONGEST else Unknown("a long string")
        if isinstance(left, tuple) and isinstance(right, tuple):
            return left + right if len(left) + len(right) <= LONGEST else Repeat(left[:2], "a long sequence")
        if isinstance(left, ListValue) and isinstance(right, (ListValue, tuple)):
            items = right if isinstance(right, tuple) else right.items
            if len(left.items) + len(items) > LONGEST:
                return ListValue(left.items[:2], open_=True)
            return ListValue(left.items + items, open_=left.open or (isinstance(right, ListValue) and right.open))
    if op is ast.Mult:
        if isinstance(left, int):
            left, right = right, left
        if isinstance(right, int) and isinstance(left, (str, tuple, ListValue, bytes)):
            length = len(left.items if isinstance(left, ListValue) else left)
            if length * max(right, 0) > LONGEST:
                return Repeat(left.items if isinstance(left, ListValue) else (), "a long sequence")
            return ListValue(left.items * right) if isinstance(left, ListValue) else left * right
        if isinstance(left, ListValue):
            return ListValue(left.items, open_=True)
        if isinstance(left, tuple):
            return Repeat(left, "a sequence of unknown length")
    if op is ast.Mod and isinstance(left, str):
        try:
            if isinstance(right, (str, int, float)) or (
                isinstance(right, tuple) and all(isinstance(part, (str, int, float)) for part in right)
            ):
                return left % right
        except (TypeError, ValueError):
            pass
        return Unknown("a formatted string")
    if op in (ast.BitOr, ast.BitAnd, ast.Sub) and isinstance(left, ListValue) and isinstance(right, ListValue):
        return combine_sets(op, left, right)
    if op is ast.BitOr and isinstance(left, (Class, Symbol, tuple)) and isinstance(right, (Class, Symbol, tuple)):
        return (*(left if isinstance(left, tuple) else (left,)), *(right if isinstance(right, tuple) else (right,)))
    if op is ast.BitOr and isinstance(left, DictValue) and isinstance(right, DictValue):
        return DictValue({**left.cell, **right.cell}, open_=left.open or right.open)
    return Unknown(f"{op.__name__} of {type(left).__name__} and {type(right).__name__}")


def unary(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.UnaryOp)
    value = machine.evaluate(node.operand, frame)
    if isinstance(node.op, ast.Not):
        answer = compare.negate(compare.truth(value))
        return Unknown("a condition") if answer is None else answer
    if isinstance(value, NUMBERS):
        try:
            return -value if isinstance(node.op, ast.USub) else +value if isinstance(node.op, ast.UAdd) else ~value  # type: ignore[operator]
        except TypeError:
            return Unknown("arithmetic that fails")
    if isinstance(value, (Tensor, Param, View)):
        return machine.tables.symbols["operator.neg"](machine, [value], {}, node, frame)
    if not isinstance(value, Unknown):
        return Unknown("a negated value")
    return compare.inverted(value) if isinstance(node.op, ast.Invert) else compare.plain_unknown(value)


def member(machine: Machine, op: ast.cmpop, item: Value, owner: Instance, node: ast.AST, frame: Frame) -> bool | None:
    """`item in owner`, asked of the object's own __contains__ where it has one."""
    method = machine.attribute(owner, "__contains__", node, frame)
    if isinstance(method, Unknown):
        return compare.compare(op, item, owner)
    answer = compare.truth(machine.call(method, [item], {}, node, frame))
    return compare.negate(answer) if isinstance(op, ast.NotIn) else answer


def comparison(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.Compare)
    first = left = machine.evaluate(node.left, frame)
    answer: bool | None = True
    for op, comparator in zip(node.ops, node.comparators):
        right = machine.evaluate(comparator, frame)
        if isinstance(right, Instance) and isinstance(right.cls, Class) and isinstance(op, (ast.In, ast.NotIn)):
            result = member(machine, op, left, right, node, frame)
        else:
            result = compare.compare(op, left, right)
        if result is False:
            return False
        if result is None:
            answer = None
        left = right
    return compare.undecided(node.ops, first, left, frame.unit.place(node)) if answer is None else answer


def lambda_(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.Lambda)
    return Function(node, frame.unit, frame)


def joined_string(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.JoinedStr)
    parts = []
    for part in node.values:
        value = (
            machine.evaluate(part.value, frame)
            if isinstance(part, ast.FormattedValue)
            else machine.evaluate(part, frame)
        )
        text = formatted(value, part)
        if text is None:
            return Unknown("a formatted string", frame.unit.place(node))
        parts.append(text)
    text = "".join(parts)
    return text if len(text) <= LONGEST else Unknown("a long string", frame.unit.place(node))


def formatted(value: Value, part: ast.expr) -> str | None:
    """What a constant is as a part of a text; None where that is not known."""
    if not isinstance(value, (str, int, float, bool, type(None))):
        return None
    if not isinstance(part, ast.FormattedValue):
        return str(value)
    if part.conversion not in (-1, ord("s")):
        return None
    given = value if part.conversion == -1 else str(value)
    spec = part.format_spec.values if isinstance(part.format_spec, ast.JoinedStr) else []
    if not all(isinstance(one, ast.Constant) for one in spec):
        return None
    asked = "".join(str(getattr(one, "value", "")) for one in spec)
    try:
        return format(given, asked) if WIDE.search(asked) is None else None
    except (ValueError, TypeError):
        return None


def starred(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    return machine.evaluate(node.value, frame)  # type: ignore[attr-defined]


def named(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.NamedExpr)
    value = machine.evaluate(node.value, frame)
    machine.heap.write(frame.cell, node.target.id, value)
    return value


def awaited(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    return machine.evaluate(node.value, frame)  # type: ignore[attr-defined]


def yielded(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    value = machine.evaluate(node.value, frame) if node.value is not None else None  # type: ignore[attr-defined]
    if frame.yields is not None and len(frame.yields) < LONGEST:
        if isinstance(node, ast.YieldFrom):
            frame.yields += compare.elements(value) or (value,)
        else:
            frame.yields.append(value)
    return Unknown("what is sent to a generator")


def force(value: Value) -> Value:
    return value.force() if isinstance(value, Deferred) else value


EXPRESSIONS: Final[dict[type[ast.AST], Expression]] = {
    ast.Constant: constant,
    ast.Name: name,
    ast.Attribute: attribute,
    ast.Call: call,
    ast.BinOp: binary_node,
    ast.UnaryOp: unary,
    ast.Compare: comparison,
    ast.Lambda: lambda_,
    ast.JoinedStr: joined_string,
    ast.Starred: starred,
    ast.NamedExpr: named,
    ast.Await: awaited,
    ast.Yield: yielded,
    ast.YieldFrom: yielded,
}
