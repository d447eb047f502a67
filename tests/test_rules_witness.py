"""The fixtures are real code: torch runs those that are said to run, and raises where the others are said to."""

from __future__ import annotations

import ast
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from lintable import CRASHES, FIXTURES, expected, is_runnable, names, text_of
from torch import nn

from initlint.rulebook import all_rules


def makers(text: str, path: str) -> Iterator[Callable[[], object]]:
    """What a fixture defines that can be made without arguments: modules, and functions that build them."""
    module = ModuleType("fixture")
    sys.modules["fixture"] = module  # where dataclasses look for the names of their annotations
    space: dict[str, Any] = module.__dict__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old spellings are part of what is linted
        exec(compile(ast.parse(text), path, "exec"), space)  # noqa: S102
        for value in list(space.values()):
            own = getattr(value, "__module__", None) == "fixture"
            is_module = inspect.isclass(value) and issubclass(value, nn.Module)
            if own and (is_module or inspect.isfunction(value)):
                parameters = inspect.signature(value).parameters.values()
                if all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
                    yield value


def raised(maker: Callable[[], object], path: str) -> int | None:
    """The innermost line of the fixture in which making it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            maker()
    except NotImplementedError:
        return None  # an abstract base
    except Exception as error:  # noqa: BLE001 - whatever torch raises
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        return lines[-1]
    return None


@pytest.mark.parametrize("name", [name for name in names() if is_runnable(name)])
def test_torch_raises_where_the_fixture_says(name: str) -> None:
    torch.manual_seed(0)
    text = text_of(name)
    path = str(FIXTURES / f"{name}.py")
    crashes = {line for line, code in expected(text) if code in CRASHES}
    assert {line for maker in makers(text, path) if (line := raised(maker, path)) is not None} == crashes


@pytest.mark.parametrize("code", sorted(CRASHES))
def test_the_examples_of_a_crash_crash(code: str) -> None:
    rule = all_rules()[code]
    with pytest.raises((ValueError, TypeError, AttributeError, RuntimeError)):
        exec(compile(rule.bad, code, "exec"), {})  # noqa: S102
    exec(compile(rule.good, code, "exec"), {})  # noqa: S102


@pytest.mark.parametrize("code", [c for c, r in all_rules().items() if r.condition is not None and c not in CRASHES])
def test_the_other_examples_run(code: str) -> None:
    rule = all_rules()[code]
    for text in (rule.bad, rule.good):
        for maker in makers(text, code):
            maker()
