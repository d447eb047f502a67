"""Patterns of match statements: whether a value matches, and what is bound."""

from __future__ import annotations

import ast

from initlint.interpret import compare
from initlint.interpret.machine import Machine
from initlint.interpret.values import Frame, ListValue, Value


def matches(machine: Machine, pattern: ast.pattern, subject: Value, frame: Frame) -> bool | None:
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
            answers = [matches(machine, part, subject, frame) for part in patterns]
            return True if True in answers else (None if None in answers else False)
        case ast.MatchClass(cls=cls, patterns=[], kwd_patterns=[]):
            return machine.is_instance(subject, machine.evaluate(cls, frame))
        case ast.MatchSequence(patterns=patterns) if isinstance(subject, (tuple, ListValue)):
            items = compare.elements(subject)
            if items is None or any(isinstance(part, ast.MatchStar) for part in patterns):
                return None
            if len(items) != len(patterns):
                return False
            answers = [matches(machine, part, item, frame) for part, item in zip(patterns, items, strict=True)]
            return False if False in answers else (None if None in answers else True)
    return None
