"""A fix that writes something else than what the layers need, or to another tensor, is refused, though no rule minds
what is there afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from initlint import fix, proof, repairs
from initlint.edits import differences
from initlint.findings import Declined, Finding, Fix, Match
from initlint.pipeline import lint_source
from initlint.prescriptions import prescription
from initlint.source import Point, Source

HEAD = "import torch\nimport torch.nn as nn\n\n\n"

DEEP = (
    HEAD
    + """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(256, 256) for _ in range(20)])
        self.act = nn.{activation}
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=0.01)

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x))
        return x
"""
)

PAIR = (
    HEAD
    + """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.norm = nn.LayerNorm(64)
        self.fc2 = nn.Linear(64, 64)
        {init}

    def forward(self, x):
        return self.fc2(self.norm(self.fc1(x)).relu())
"""
)

RECURRENT = (
    HEAD
    + """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(32, 32)
        self.head = nn.Linear(32, 2)
        nn.init.normal_(self.rnn.weight_hh_l0, std=0.01)

    def forward(self, x):
        return self.head(self.rnn(x)[0])
"""
)

MIXED = (
    HEAD
    + """\
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
for parameter in net.parameters():
    nn.init.kaiming_normal_(parameter)
"""
)

EARLY = (
    HEAD
    + """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.apply(self._init_weights)
        self.fc2 = nn.Linear(64, 64)

    def _init_weights(self, m):
        if isinstance(m, nn.Linear):
            nn.init.kaiming_normal_(m.weight)

    def forward(self, x):
        return self.fc2(self.fc1(x).relu())
"""
)


def only(text: str, code: str) -> Finding:
    (found,) = [one for one in lint_source(text, "net.py", fixes=True).findings if one.code == code]
    return found


def by_hand(changed: str) -> Any:
    """Plans that come to this text."""

    def plan(match: Match, source: Source, safety: str) -> Fix | Declined | None:
        known = fix.plan(match, source, safety)
        return Fix("by hand", True, differences(source.text, changed, Point(1, 1))) if isinstance(known, Fix) else known

    return plan


WRONG = {
    "another gain": (
        "INI204",
        DEEP.format(activation="ELU()"),
        "nn.init.normal_(layer.weight, std=0.01)",
        "nn.init.kaiming_normal_(layer.weight, a=1)",
    ),
    "another technique": (
        "INI301",
        RECURRENT,
        "nn.init.normal_(self.rnn.weight_hh_l0, std=0.01)",
        "nn.init.xavier_normal_(self.rnn.weight_hh_l0)",
    ),
    "no write": ("INI301", RECURRENT, "        nn.init.normal_(self.rnn.weight_hh_l0, std=0.01)\n", ""),
    "a module": (
        "INI506",
        PAIR.format(init="nn.init.kaiming_normal_(torch.clone(self.fc1.weight))"),
        "torch.clone(self.fc1.weight)",
        "torch",
    ),
    "another tensor than the copied one": (
        "INI506",
        PAIR.format(init="nn.init.kaiming_normal_(self.fc1.weight.clone())"),
        "self.fc1.weight.clone()",
        "self.fc2.weight",
    ),
    "another tensor than the one of the call": (
        "INI602",
        PAIR.format(init='nn.init.kaiming_normal_(self.fc1.weight, nonlinearity="ReLU")'),
        '(self.fc1.weight, nonlinearity="ReLU")',
        '(self.fc2.weight, nonlinearity="relu")',
    ),
    "another leaf": (
        "INI606",
        PAIR.format(init="self.fc1.weight.normal_(std=0.1)"),
        "self.fc1.weight.normal_(std=0.1)",
        "self.fc2.weight.data.normal_(std=0.1)",
    ),
    "a weight of another module": (
        "INI608",
        PAIR.format(init="nn.init.kaiming_normal_(self.fc1)"),
        "(self.fc1)",
        "(self.fc2.weight)",
    ),
    "a guard that never holds": (
        "INI601",
        MIXED,
        "    nn.init.kaiming_normal_(parameter)\n",
        "    if parameter.dim() > 4:\n        nn.init.kaiming_normal_(parameter)\n",
    ),
    "no pass at all": ("INI502", EARLY, "        self.apply(self._init_weights)\n", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_fix_that_writes_something_else_is_refused_and_the_right_one_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text, old, new = WRONG[name]
    assert isinstance(only(text, code).fix, Fix)
    assert old in text
    monkeypatch.setattr(repairs, "plan", by_hand(text.replace(old, new)))
    assert only(text, code).fix == Declined(proof.WHY)


@pytest.mark.parametrize("slope", ["1", "2"])
def test_a_prescription_that_takes_an_alpha_for_a_slope_is_refused(slope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model judges what is meant; only reading what is written shows a gain of 1 instead of 1.25."""

    def sloped(*written: Any) -> dict[str, str]:
        found = prescription(*written)
        return {**found, "scheme": "kaiming", "slope": slope}

    text = DEEP.format(activation="ELU()")
    assert isinstance(only(text, "INI204").fix, Fix)
    monkeypatch.setattr("initlint.remedies.prescription", sloped)
    assert only(text, "INI204").fix == Declined(proof.WHY)


@pytest.mark.parametrize("activation", ["ReLU()", "ELU(0.5)", "GELU()", "SiLU()", "Tanh()", "LeakyReLU(0.3)"])
def test_what_the_planner_writes_is_what_the_activation_needs(activation: str) -> None:
    assert isinstance(only(DEEP.format(activation=activation), "INI204").fix, Fix)
