"""The rules' examples for Keras are real code: Keras runs them, and raises where a rule says that it does."""

from __future__ import annotations

import os
from typing import Any

import pytest
from lintable import CRASHES, told

from initlint.rulebook import all_rules

EXAMPLES = {code: rule for code, rule in all_rules().items() if rule.bad_keras}


@pytest.fixture(autouse=True)
def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("code", EXAMPLES)
def test_keras_runs_the_good_example(code: str) -> None:
    exec(compile(EXAMPLES[code].good_keras, code, "exec"), {})  # noqa: S102


@pytest.mark.parametrize("code", EXAMPLES)
def test_keras_raises_on_the_bad_example_of_a_crash_only(code: str) -> None:
    text = compile(EXAMPLES[code].bad_keras, code, "exec")
    if code in CRASHES:
        with pytest.raises((ValueError, TypeError, AttributeError)):
            exec(text, {})  # noqa: S102
    else:
        exec(text, {})  # noqa: S102


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_bad_example_fires_this_rule_alone(code: str) -> None:
    assert {found for _, found in told(EXAMPLES[code].bad_keras)} == {code}


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_good_example_is_clean(code: str) -> None:
    assert not told(EXAMPLES[code].good_keras)
