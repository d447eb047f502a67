"""What is asked for before it is used, or whose failure is taken: guards, and names that torch has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lintable import told
from scenes import HEAD, by_entry
from torch import nn

from initlint.interpret.initializer_names import is_known, nearest
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.machine import RAISES
from initlint.interpret.project import Project
from initlint.knowledge import knowledge
from initlint.pipeline import inspect_source

# -- guards -------------------------------------------------------------------------------


def guarded(handler: str) -> str:
    return f"net = Net()\ntry:\n    nn.init.xavier_uniform_(net.a.bias)\n{handler}\n    nn.init.ones_(net.a.bias)\n"


@pytest.mark.parametrize(
    "handler", ["except ValueError:", "except (OSError, ValueError):", "except:", "except Exception:"]
)
def test_a_handler_that_takes_it_guards_and_runs(handler: str) -> None:
    assert not {code for _, code in told(HEAD + guarded(handler))} & {"INI601"}
    bias = by_entry(guarded(handler))["<module>"].layers[0].weights[1]
    assert [event.name if event else "" for event in bias.effective()] == ["ones"]


@pytest.mark.parametrize("handler", ["except KeyError:", "except ValueError:\n    raise", "finally:"])
def test_another_handler_does_not(handler: str) -> None:
    assert "INI601" in {code for _, code in told(HEAD + guarded(handler))}


def test_suppress_guards_too() -> None:
    text = "net = Net()\nwith contextlib.suppress({}):\n    nn.init.xavier_uniform_(net.a.bias)\n"
    assert "INI601" not in {code for _, code in told(HEAD + text.format("ValueError"))}
    assert "INI601" in {code for _, code in told(HEAD + text.format("KeyError"))}


def assign_tensor() -> None:
    nn.Linear(2, 2).weight = torch.zeros(2, 2)


UNSUPPORTED: Any = "gelu"
CRASHES: dict[str, Callable[[], object]] = {
    "fan-of-vector": lambda: nn.init.xavier_uniform_(torch.empty(3)),
    "unsupported-nonlinearity": lambda: nn.init.kaiming_normal_(torch.empty(3, 3), 0, "fan_in", UNSUPPORTED),
    "wrong-rank": lambda: nn.init.eye_(torch.empty(3)),
    "missing-bias": lambda: nn.init.zeros_(nn.Linear(2, 2, bias=False).bias),
    "unknown-initializer": lambda: nn.init.he_normal_,  # type: ignore[attr-defined]
    "init-of-module": lambda: nn.init.zeros_(nn.Linear(2, 2)),  # type: ignore[arg-type]
    "inplace-on-leaf": lambda: nn.Linear(2, 2).weight.mul_(2),
    "assign-non-parameter": assign_tensor,
}


@pytest.mark.parametrize("kind", sorted(RAISES))
def test_torch_raises_what_the_table_says(kind: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what is asked
        CRASHES[kind]()
    assert type(raised.value).__name__ == RAISES[kind]


# -- names --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine() -> Interpreter:
    return Interpreter(Project(lambda _: None), knowledge())


def test_what_torch_has_is_known(machine: Interpreter) -> None:
    assert [name for name in dir(nn.init) if not is_known(machine, name)] == []


@pytest.mark.parametrize(
    "name, meant",
    [
        ("he_normal_", "kaiming_normal_"),
        ("glorot_uniform", "xavier_uniform_"),
        ("trunc_norm_", "trunc_normal_"),
        ("xavier_unifrom_", "xavier_uniform_"),
        ("fixup_", ""),
    ],
)
def test_the_name_that_was_meant(machine: Interpreter, name: str, meant: str) -> None:
    assert not hasattr(nn.init, name)
    assert nearest(machine, name) == meant


@pytest.mark.parametrize(
    "text, codes",
    [
        ("from torch.nn.init import he_normal_\n", {"INI604"}),
        ("try:\n    from torch.nn.init import he_normal_\nexcept ImportError:\n    he_normal_ = None\n", set()),
        ("layer = nn.Linear(2, 2)\nif hasattr(nn.init, 'he_normal_'):\n    nn.init.he_normal_(layer.weight)\n", set()),
        (
            "layer = nn.Linear(2, 2)\nf = getattr(nn.init, 'he_normal_', nn.init.kaiming_normal_)\nf(layer.weight)\n",
            set(),
        ),
        ("try:\n    f = nn.init.he_normal_\nexcept AttributeError:\n    f = None\n", set()),
    ],
)
def test_names_that_are_asked_for_first_are_no_finding(text: str, codes: set[str]) -> None:
    assert {code for _, code in told("import torch.nn as nn\n" + text)} == codes


# -- budgets ------------------------------------------------------------------------------

LONG_TRAVERSAL = """
import torch
from torch import nn

def initialize(module, rounds=1):
    for child in module.children():
        initialize(child, rounds)
    total = 0
    for first in range(rounds):
        for second in range(rounds):
            for third in range(rounds):
                total += first * second + third
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        initialize(self)

class Large(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
        initialize(self, rounds=200)
"""


def test_a_traversal_that_takes_too_long_for_one_model_initializes_the_others() -> None:
    rows = inspect_source(LONG_TRAVERSAL, "net.py").rows
    inits = {row.name: row.init for row in rows}
    assert inits["Large.layers.0"] is None
    small = inits["Small.fc"]
    assert small is not None
    assert small.name == "zeros"
