"""Truth and comparison of abstract values: True, False, or None where it can't be known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from initlint.graph import Unknown
from initlint.interpret.partial_names import PartialName
from initlint.interpret.postponed import Deferred
from initlint.interpret.tensors import Comparison, Param, Tensor, View
from initlint.interpret.values import (
    ABSENT,
    CONSTANTS,
    MOST_NESTED,
    Alternatives,
    Bound,
    Class,
    DictValue,
    Function,
    Instance,
    ListValue,
    Native,
    Package,
    Partial,
    Symbol,
    Value,
)
from initlint.source import Place

CASTS: Final = frozenset(  # methods and functions after which a comparison says the same, as numbers
    "to float half double bfloat16 int long bool type type_as astype cast detach contiguous clone cuda cpu".split()
)
ORDER: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
ALWAYS_TRUE: Final = (Symbol, Function, Class, Bound, Partial, Native, Package, Deferred)
PLAIN_MEMBERS: Final = frozenset({"builtins.str", "builtins.int", "enum.StrEnum", "enum.IntEnum"})
OPAQUE: Final = (Unknown, Alternatives, Tensor)


def agree(results: list[bool | None]) -> bool | None:
    """The common answer, None when they differ or one is unknown."""
    return results[0] if results and all(r is results[0] for r in results) else None


def truth(value: Value) -> bool | None:
    if value is True or value is False:
        return value
    if isinstance(value, CONSTANTS):
        return bool(value)
    if isinstance(value, Alternatives):
        return agree([truth(option) for option in value.options])
    if isinstance(value, tuple):
        return bool(value)
    if isinstance(value, range):
        return len(value) > 0
    if isinstance(value, ListValue):
        if value.open or any(ABSENT in (o.options if isinstance(o, Alternatives) else ()) for o in value.items):
            return None
        return bool(value.items)
    if isinstance(value, DictValue):
        if value.cell:
            return True
        return None if value.open else False
    if isinstance(value, Instance):
        if (
            isinstance(value.cls, Class)
            and value.cls.find("__bool__") is ABSENT
            and value.cls.find("__len__") is ABSENT
            and (value.spec is None or value.spec.role != "container")
        ):
            return None if value.cls.open else True
        if value.spec is not None:
            return True if value.spec.role != "container" or value.cell else None
        return None
    if isinstance(value, ALWAYS_TRUE):
        return True
    return None


def identical(left: Value, right: Value) -> bool | None:
    """`left is right`."""
    if isinstance(left, Alternatives):
        return agree([identical(option, right) for option in left.options])
    if isinstance(right, Alternatives):
        return agree([identical(left, option) for option in right.options])
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return None
    if left is right:
        return True
    if isinstance(left, (bool, type(None), type(Ellipsis))) or isinstance(right, (bool, type(None), type(Ellipsis))):
        return type(left) is type(right) and left == right
    if isinstance(left, (Class, Symbol, Instance, Function, Param)) and isinstance(
        right, (Class, Symbol, Instance, Function, Param)
    ):
        return False
    return None


def plain_member(value: Value) -> Value:
    """The text or number that a member of an enumeration of texts or numbers is: `class Norm(str, Enum)`."""
    if not isinstance(value, Instance) or not isinstance(value.cls, Class) or "value" not in value.cell:
        return value
    return value.cell["value"] if any(q in PLAIN_MEMBERS for q in value.cls.symbols()) else value


def equal(left: Value, right: Value, depth: int = 0) -> bool | None:
    """`left == right`. Not known in the depth of lists, which may hold themselves."""
    if isinstance(left, Alternatives):
        return agree([equal(option, right, depth) for option in left.options])
    if isinstance(right, Alternatives):
        return agree([equal(left, option, depth) for option in right.options])
    if isinstance(left, PartialName) and isinstance(right, str):
        return left.equals(right)
    left, right = plain_member(left), plain_member(right)
    if isinstance(left, OPAQUE) or isinstance(right, OPAQUE):
        return None
    if isinstance(left, CONSTANTS) and isinstance(right, CONSTANTS):
        return bool(left == right)
    if isinstance(left, Bound) and isinstance(right, Bound):
        return left.function is right.function and left.receiver is right.receiver
    if isinstance(left, (tuple, ListValue)) and isinstance(right, (tuple, ListValue)):
        first, second = elements(left), elements(right)
        if first is None or second is None:
            return None
        if len(first) != len(second):
            return False
        if depth == MOST_NESTED:
            return None
        results = [equal(a, b, depth + 1) for a, b in zip(first, second, strict=True)]
        return False if False in results else (None if None in results else True)
    if isinstance(left, range) and isinstance(right, range):
        return left == right
    if isinstance(left, (Param, View)) or isinstance(right, (Param, View)):
        return None
    answer = identical(left, right)
    if answer is None:  # values of different kinds, both known
        return False if isinstance(left, CONSTANTS) != isinstance(right, CONSTANTS) else None
    return answer


def contents(container: Instance) -> list[Value]:
    """What a Sequential or ModuleList holds, in order: all its modules (and parameters), whatever
    their names, since attributes that a subclass sets are registered beside them. What is not known is one of its
    elements where it has the name of one."""
    found = []
    for key, value in container.cell.items():
        options = value.options if isinstance(value, Alternatives) else (value,)
        element = isinstance(value, Unknown) and isinstance(key, str) and key.isdigit()
        if element or any(
            o is ABSENT or isinstance(o, Param) or (isinstance(o, Instance) and o.module) for o in options
        ):
            found.append(value)
    return found


def is_named(container: Instance) -> bool:
    """Whether this is a ModuleDict or ParameterDict."""
    return container.spec is not None and container.spec.kind in ("ModuleDict", "ParameterDict")


def is_unknown_key(key: object) -> bool:
    """Whether what stands there is kept for a key that is not known."""
    return isinstance(key, str) and key.startswith("?")


def names_in(container: Instance) -> tuple[Value, ...]:
    """The keys of a ModuleDict or ParameterDict."""
    names = (key for key in container.cell if isinstance(key, str))
    return tuple(Unknown("a key that is not known") if is_unknown_key(key) else key for key in names)


def elements(value: Value) -> tuple[Value, ...] | None:
    """The elements of a sequence, None where there may be more or fewer."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, ListValue):
        if value.open or any(ABSENT in (o.options if isinstance(o, Alternatives) else ()) for o in value.items):
            return None
        return value.items
    if isinstance(value, range) and len(value) <= 4096:
        return tuple(value)
    return None


def contains(container: Value, item: Value) -> bool | None:
    """`item in container`."""
    if isinstance(item, Alternatives):
        return agree([contains(container, option) for option in item.options])
    if isinstance(container, Alternatives):
        return agree([contains(option, item) for option in container.options])
    if isinstance(container, str):
        return item in container if isinstance(item, str) else None
    if isinstance(container, PartialName):
        return container.holds(item) if isinstance(item, str) else None
    if isinstance(container, range):
        return item in container if isinstance(item, int) else None
    if isinstance(container, DictValue):
        if isinstance(item, OPAQUE):
            return None
        try:
            found = item in container.cell
        except TypeError:
            return None
        return True if found else (None if container.open else False)
    if isinstance(container, Instance) and is_named(container):
        if not isinstance(item, str):
            return None
        return item in container.cell or (None if any(map(is_unknown_key, container.cell)) else False)
    members = container if isinstance(container, tuple) else getattr(container, "items", None)
    if isinstance(container, (tuple, ListValue)) and members is not None:
        results = [equal(item, member) for member in members]
        if True in results:
            return True
        return None if None in results or (isinstance(container, ListValue) and container.open) else False
    return None


def compare(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """One comparison, None when it can't be known."""
    kind = type(op)
    if kind is ast.Is:
        return identical(left, right)
    if kind is ast.IsNot:
        return negate(identical(left, right))
    if kind is ast.Eq:
        return equal(left, right)
    if kind is ast.NotEq:
        return negate(equal(left, right))
    if kind is ast.In:
        return contains(right, left)
    if kind is ast.NotIn:
        return negate(contains(right, left))
    if isinstance(left, Alternatives):
        return agree([compare(op, option, right) for option in left.options])
    if isinstance(right, Alternatives):
        return agree([compare(op, left, option) for option in right.options])
    if kind in (ast.Gt, ast.LtE) and isinstance(left, Unknown) and isinstance(right, (int, float)) and right == 0:
        return kind is ast.Gt  # a size or a rate that is not known: that it is switched off is the rare case
    if isinstance(left, (int, float, str, tuple)) and isinstance(right, (int, float, str, tuple)):
        try:
            return bool(ORDER[kind](left, right))
        except TypeError:
            return None
    return None


def undecided(ops: Sequence[ast.cmpop], left: Value, right: Value, place: Place | None) -> Unknown:
    """The answer that can't be known; of data with a number it is known which entries it holds for."""
    flipped = isinstance(left, (int, float))
    tested, bound = (right, left) if flipped else (left, right)
    if len(ops) == 1 and isinstance(tested, Tensor) and tested.node >= 0 and isinstance(bound, (int, float)):
        kind = type(ops[0])
        if kind in ORDER:
            above = (kind in (ast.Gt, ast.GtE)) is not flipped
            return Comparison("a comparison", place, tested=tested, above=above, bound=float(bound))
    return Unknown("a comparison", place)


def of_mask(word: str, left: Value, right: Value) -> Unknown:
    """Arithmetic with something unknown: `0.1 * mask` and `1 - mask` are masks again."""
    mask = left if isinstance(left, Comparison) else right
    number = right if mask is left else left
    if isinstance(mask, Comparison) and isinstance(number, (int, float)):
        if word == "mul":
            return replace(mask, factor=mask.factor * float(number))
        if word == "sub" and mask is right and number == 1 == mask.factor:
            return replace(mask, above=not mask.above)
    return plain_unknown(left if isinstance(left, Unknown) else right)


def inverted(value: Value) -> Unknown:
    """`~mask`."""
    if isinstance(value, Comparison) and value.factor == 1:
        return replace(value, above=not value.above)
    return plain_unknown(value)


def plain_unknown(value: Value) -> Unknown:
    """The reason alone: what is computed from a comparison is none."""
    assert isinstance(value, Unknown)
    return Unknown(value.why, value.place) if isinstance(value, Comparison) else value


def negate(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
