"""Compiles a rule's [when]: a closed vocabulary over the typed fields of what the rule looks at.

A field is a public property of a subject's class; its annotation is its type:

    str               "Linear"   ["Linear", "Conv2d"]   {not = "Linear"}   {not = ["Linear"]}
    bool              true
    float, int        {below = 1}   {above = 0}   {at_least = 6}   {at_most = 2}   {outside = [0.9, 1.1]}
                      {within = [1, 2]}   {not = 0}
    frozenset[str]    {any = ["relu"]}   {all = ["relu"]}   {none = ["norm"]}

`| None` in an annotation means that the fact may be unknown. A condition is then unknown too, unless another
one is false; what is unknown never fires. `predicate` names what this vocabulary can't say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

from initlint.schema import Where, choice

Test: TypeAlias = Callable[[Any], "bool | None"]

KINDS: Final = {"str": "text", "bool": "flag", "int": "number", "float": "number", "frozenset[str]": "set"}

NUMBER_TESTS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "below": lambda value, bound: value < bound,
    "above": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "at_most": lambda value, bound: value <= bound,
    "not": lambda value, bound: value != bound,
}
RANGE_TESTS: Final[Mapping[str, Callable[[float, float, float], bool]]] = {
    "outside": lambda value, low, high: not low <= value <= high,
    "within": lambda value, low, high: low <= value <= high,
}
SET_TESTS: Final[Mapping[str, Callable[[frozenset[str], frozenset[str]], bool]]] = {
    "any": lambda value, asked: bool(value & asked),
    "all": lambda value, asked: bool(value) and value <= asked,
    "none": lambda value, asked: not value & asked,
}


class Condition(NamedTuple):
    """Conditions joined by and, in the order of the table: cheap and selective ones come first there."""

    tests: tuple[Test, ...]

    def holds(self, subject: object) -> bool | None:
        """True, False, or None when it depends on a fact that is unknown."""
        verdict: bool | None = True
        for test in self.tests:
            answer = test(subject)
            if answer is False:
                return False
            if answer is None:
                verdict = None
        return verdict


@cache
def fields(subject: type) -> Mapping[str, str]:
    """The vocabulary of a subject: its public properties of a type that conditions can ask, with that type's kind."""
    found: dict[str, str] = {}
    for base in reversed(subject.__mro__):
        for name, member in vars(base).items():
            if isinstance(member, property) and member.fget is not None and not name.startswith("_"):
                annotation = str(member.fget.__annotations__.get("return", ""))
                kind = KINDS.get(annotation.removesuffix(" | None"))
                if kind is not None:
                    found[name] = kind
    return found


def compile_when(
    table: Mapping[str, object],
    subject: type,
    values: Mapping[str, Collection[str]],
    predicates: Mapping[str, Test],
    where: Where,
) -> Condition:
    """The condition of a [when] table on `subject`.

    `values` lists for a field of texts what it may be; `predicates` are those that this subject may name.
    Raises KnowledgeError naming file, key and expectation.
    """
    vocabulary = fields(subject)
    tests: list[Test] = []
    for key, wanted in table.items():
        if key == "predicate":
            tests += [predicates[name] for name in _texts(wanted, where / key, predicates)]
        else:
            kind = vocabulary[choice(key, vocabulary, where)]
            tests.append(_on_field(key, _COMPILERS[kind](wanted, values.get(key, ()), where / key)))
    if not tests:
        where.fail("at least one condition", "none")
    return Condition(tuple(tests))


def _on_field(name: str, test: Callable[[Any], bool]) -> Test:
    def ask(subject: object) -> bool | None:
        value = getattr(subject, name)
        return None if value is None else test(value)

    return ask


def _texts(wanted: object, where: Where, allowed: Collection[str]) -> tuple[str, ...]:
    """One text or a list of them, each of the allowed ones (of any, where nothing is said)."""
    items: list[Any] = wanted if isinstance(wanted, list) else [wanted]
    if not items or not all(isinstance(item, str) for item in items):
        where.fail("a string or an array of strings", repr(wanted))
    if allowed:
        for item in items:
            choice(item, allowed, where)
    return tuple(items)


def _text(wanted: object, allowed: Collection[str], where: Where) -> Callable[[str], bool]:
    if isinstance(wanted, dict):
        (operator, operand) = _single(wanted, ("not",), where)
        unwanted = frozenset(_texts(operand, where / operator, allowed if operand else ()))
        return lambda value: value not in unwanted
    accepted = frozenset(_texts(wanted, where, allowed))
    return lambda value: value in accepted


def _flag(wanted: object, allowed: Collection[str], where: Where) -> Callable[[bool], bool]:
    del allowed
    if not isinstance(wanted, bool):
        where.fail("true or false", repr(wanted))
    return lambda value: value is wanted


def _number(wanted: object, allowed: Collection[str], where: Where) -> Callable[[float], bool]:
    del allowed
    if _is_number(wanted):
        return lambda value: value == wanted
    if not isinstance(wanted, dict) or not wanted:
        where.fail("a number, or a table such as {below = 1}", repr(wanted))
    tests: list[Callable[[float], bool]] = []
    for operator, operand in wanted.items():
        if operator in NUMBER_TESTS:
            tests.append(_against(NUMBER_TESTS[operator], operand, where / operator))
        else:
            choice(operator, {**NUMBER_TESTS, **RANGE_TESTS}, where)
            tests.append(_between(RANGE_TESTS[operator], operand, where / operator))
    return lambda value: all(test(value) for test in tests)


def _against(test: Callable[[float, float], bool], operand: object, where: Where) -> Callable[[float], bool]:
    if not _is_number(operand):
        where.fail("a number", repr(operand))
    bound = float(operand)  # type: ignore[arg-type]  # checked just above
    return lambda value: test(value, bound)


def _between(test: Callable[[float, float, float], bool], operand: object, where: Where) -> Callable[[float], bool]:
    if not isinstance(operand, list) or len(operand) != 2 or not all(_is_number(v) for v in operand):
        where.fail("two numbers, the lower one first", repr(operand))
    low, high = float(operand[0]), float(operand[1])
    if low >= high:
        where.fail("two numbers, the lower one first", repr(operand))
    return lambda value: test(value, low, high)


def _set(wanted: object, allowed: Collection[str], where: Where) -> Callable[[frozenset[str]], bool]:
    if not isinstance(wanted, dict):
        where.fail("a table such as {any = [...]}", repr(wanted))
    operator, operand = _single(wanted, tuple(SET_TESTS), where)
    asked = frozenset(_texts(operand, where / operator, allowed))
    test = SET_TESTS[operator]
    return lambda value: test(value, asked)


def _single(wanted: Mapping[str, object], operators: Collection[str], where: Where) -> tuple[str, object]:
    if len(wanted) != 1:
        where.fail(f"exactly one of {', '.join(operators)}", ", ".join(wanted))
    ((operator, operand),) = wanted.items()
    return choice(operator, operators, where), operand


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COMPILERS: Final[Mapping[str, Callable[[Any, Collection[str], Where], Callable[[Any], bool]]]] = {
    "text": _text,
    "flag": _flag,
    "number": _number,
    "set": _set,
}
