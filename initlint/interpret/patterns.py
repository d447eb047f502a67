"""Patterns of match statements: whether a value matches, and what is bound."""

from __future__ import annotations

import ast

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.machine import Machine
from initlint.interpret.sequences import dictionary_of, hashable
from initlint.interpret.values import ABSENT, Class, DictValue, Frame, Instance, ListValue, Symbol, Value

# Built-in classes whose one positional pattern is matched with the subject itself.
SELF_MATCHING = frozenset("bool bytearray bytes dict float frozenset int list set str tuple".split())


def matches(machine: Machine, pattern: ast.pattern, subject: Value, frame: Frame) -> bool | None:
    """True, False, or None where it can't be known. Names of the pattern are bound unless it is False."""
    match pattern:
        case ast.MatchValue(value=value):
            return compare.equal(subject, machine.evaluate(value, frame))
        case ast.MatchSingleton(value=value):
            return compare.identical(subject, value)
        case ast.MatchAs(pattern=inner, name=name):
            answer = matches(machine, inner, subject, frame) if inner is not None else True
            if name is not None and answer is not False:
                machine.heap.write(frame.cell, name, subject)
            return answer
        case ast.MatchOr(patterns=patterns):
            return first_of([matches(machine, part, subject, frame) for part in patterns])
        case ast.MatchClass():
            return of_class(machine, pattern, subject, frame)
        case ast.MatchSequence(patterns=patterns):
            return sequence(machine, patterns, subject, frame)
        case ast.MatchMapping():
            return mapping(machine, pattern, subject, frame)
    return None


def first_of(answers: list[bool | None]) -> bool | None:
    return True if True in answers else (None if None in answers else False)


def all_of(answers: list[bool | None]) -> bool | None:
    return False if False in answers else (None if None in answers else True)


def of_class(machine: Machine, pattern: ast.MatchClass, subject: Value, frame: Frame) -> bool | None:
    """`Linear(in_features=1)`, `Point(x, y)`, `str(text)`."""
    cls = machine.evaluate(pattern.cls, frame)
    answers = [machine.is_instance(subject, cls)]
    if answers[0] is False:
        return False
    if pattern.patterns and isinstance(cls, Symbol) and cls.name in SELF_MATCHING:
        return all_of([*answers, matches(machine, pattern.patterns[0], subject, frame)])
    names = positional_names(cls)
    for index, part in enumerate(pattern.patterns):
        value: Value = Unknown("an attribute matched by position")
        if index < len(names):
            value = machine.attribute(subject, names[index], pattern, frame)
        answers.append(matches(machine, part, value, frame))
    for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        answers.append(matches(machine, part, machine.attribute(subject, name, pattern, frame), frame))
    return all_of(answers)


def positional_names(cls: Value) -> tuple[str, ...]:
    """`__match_args__`, which dataclasses and named tuples have by themselves."""
    if not isinstance(cls, Class):
        return ()
    written = compare.elements(cls.find("__match_args__"))
    if written is not None:
        return tuple(str(name) for name in written)
    for part in cls.lineage:
        if isinstance(part, Class) and part.fields is not None:
            return part.fields
    return ()


def sequence(machine: Machine, patterns: list[ast.pattern], subject: Value, frame: Frame) -> bool | None:
    """`[first, *rest]`, `(a, b)`; strings and mappings are no sequences here."""
    if isinstance(subject, (str, bytes, int, float, type(None), DictValue, Class, Symbol)):
        return False
    if isinstance(subject, Instance) and (subject.module or dictionary_of(subject) is not None):
        return False
    items: tuple[Value, ...] | None = None
    loose = not isinstance(subject, (tuple, ListValue, range, Instance))
    if not loose:
        items, loose = machine.iterate(subject, patterns[0] if patterns else ast.MatchSequence([]), frame)
        loose = loose or any(item is ABSENT for item in items)
    star = next((i for i, part in enumerate(patterns) if isinstance(part, ast.MatchStar)), None)
    if items is None or loose:
        for part in patterns:
            bind_names(machine, part, frame)
        return None
    if len(items) < len(patterns) - (star is not None) or (star is None and len(items) != len(patterns)):
        return False
    if star is None:
        return all_of([matches(machine, part, item, frame) for part, item in zip(patterns, items, strict=True)])
    after = len(patterns) - star - 1
    middle = items[star : len(items) - after]
    ends = [*zip(patterns[:star], items[:star]), *zip(patterns[star + 1 :], items[len(items) - after :])]
    starred = patterns[star]
    if isinstance(starred, ast.MatchStar) and starred.name is not None:
        machine.heap.write(frame.cell, starred.name, ListValue(middle, serial=machine.next_serial()))
    return all_of([matches(machine, part, item, frame) for part, item in ends])


def mapping(machine: Machine, pattern: ast.MatchMapping, subject: Value, frame: Frame) -> bool | None:
    """`{"kind": "linear", **rest}`: keys that the pattern does not name are allowed."""
    target = dictionary_of(subject)
    if target is None:
        if isinstance(subject, (str, bytes, int, float, type(None), tuple, range, ListValue, Class, Symbol, Instance)):
            return False
        bind_names(machine, pattern, frame)
        return None
    answers: list[bool | None] = []
    named = []
    for key_node, part in zip(pattern.keys, pattern.patterns, strict=True):
        key = machine.evaluate(key_node, frame)
        named.append(key)
        if hashable(key) and key in target.cell:
            answers.append(matches(machine, part, target.cell[key], frame))
        elif target.open or not hashable(key):
            bind_names(machine, part, frame)
            answers.append(None)
        else:
            return False
    if pattern.rest is not None:
        rest = {key: value for key, value in target.cell.items() if key not in named}
        made = DictValue(rest, open_=target.open, serial=machine.next_serial())
        machine.heap.write(frame.cell, pattern.rest, made)
    return all_of(answers)


def bind_names(machine: Machine, pattern: ast.pattern, frame: Frame) -> None:
    """Bind every name of a pattern whose subject is not known."""
    for part in ast.walk(pattern):
        name = getattr(part, "rest", None) if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
        if isinstance(name, str):
            machine.heap.write(frame.cell, name, Unknown("matched with something not understood"))
