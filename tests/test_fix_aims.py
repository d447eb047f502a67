"""A fix that writes something else than what the layers need, or to another tensor, is refused, though no rule minds
what is there afterwards."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest

from initlint import fix, proof, repairs
from initlint.edits import apply, differences
from initlint.findings import Declined, Finding, Fix, Match, Severity
from initlint.pipeline import lint_source
from initlint.prescriptions import prescription
from initlint.source import Point, Source

HEAD = "import torch\nimport torch.nn as nn\n\n\n"
KERAS = "import keras\nfrom keras import layers\n\n"

DEEP = """\
self.layers = nn.ModuleList([nn.Linear(256, 256) for _ in range(20)])
self.act = nn.{activation}
for layer in self.layers:
    nn.init.normal_(layer.weight, std=0.01)
===
for layer in self.layers:
    x = self.act(layer(x))
return x
"""
PAIR = """\
self.fc1 = nn.Linear(64, 64)
self.norm = nn.LayerNorm(64)
self.fc2 = nn.Linear(64, 64)
{init}
===
return self.fc2(self.norm(self.fc1(x)).relu())
"""
RNN = """\
self.rnn = nn.RNN(32, 32)
self.head = nn.Linear(32, 2)
nn.init.normal_(self.rnn.weight_hh_l0, std=0.01)
===
return self.head(self.rnn(x)[0])
"""
LSTM = """\
self.lstm = nn.LSTM(16, 32)
self.head = nn.Linear(32, 2)
nn.init.zeros_(self.lstm.bias_ih_l0)
nn.init.zeros_(self.lstm.bias_hh_l0)
===
return self.head(self.lstm(x)[0])
"""
EARLY = """\
self.fc1 = nn.Linear(64, 64)
self.apply(self._init_weights)
self.fc2 = nn.Linear(64, 64)
===
return self.fc2(self.fc1(x).relu())

def _init_weights(self, m):
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight)
"""
RAW = """\
self.weight = nn.Parameter(torch.empty(32, 32))
self.other = nn.Parameter(torch.ones(32, 32))
===
return x @ self.weight @ self.other
"""
ADAPTER = """\
self.down = nn.Linear(64, 8, bias=False)
self.up = nn.Linear(8, 64, bias=False)
nn.init.zeros_(self.down.weight)
nn.init.zeros_(self.up.weight)
===
return x + self.up(self.down(x))
"""
CONSTANT = """\
self.fc1 = nn.Linear(64, 64)
self.fc2 = nn.Linear(64, 2)
nn.init.constant_(self.fc1.weight, 0.1)
===
return self.fc2(self.fc1(x).relu())
"""
CUT = """\
self.fc1 = nn.Linear(64, 64)
self.fc2 = nn.Linear(64, 2)
nn.init.trunc_normal_(self.fc1.weight, std=0.125, a=-0.125, b=0.125)
===
return self.fc2(self.fc1(x).tanh())
"""
TIED = """\
self.embedding = nn.Embedding(10000, 256)
self.mix = nn.Linear(256, 256)
self.norm = nn.LayerNorm(256)
self.head = nn.Linear(256, 10000, bias=False)
self.head.weight = self.embedding.weight
===
x = self.embedding(x)
return self.head(self.norm(x + self.mix(x)))
"""
KINDS = """\
self.conv = nn.Conv1d(16, 32, 3)
self.head = nn.Linear(32, 10)
for m in self.modules():
    if isinstance(m, nn.Conv2d):
        nn.init.kaiming_normal_(m.weight)
===
return self.head(self.conv(x).relu().mean(-1))
"""
CASE = """\
self.conv = nn.Conv2d(3, 8, 3)
self.head = nn.Linear(8, 2)
for name, p in self.named_parameters():
    if "Conv" in name and p.dim() > 1:
        nn.init.kaiming_normal_(p)
===
return self.head(self.conv(x).relu().mean((2, 3)))
"""
MIXED = (
    HEAD
    + """\
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
for parameter in net.parameters():
    nn.init.kaiming_normal_(parameter)
"""
)
SELU = (
    HEAD
    + """\
net = nn.Sequential(
    nn.Linear(64, 64),
    nn.SELU(),
    nn.{between},
    nn.Linear(64, 64),
    nn.SELU(),
    nn.Linear(64, 10),
)
for m in net:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="linear")
"""
)
TWINS = (
    KERAS
    + """\
init = keras.initializers.HeNormal()
inputs = keras.Input((16,))
first = layers.Dense(8, activation="relu", kernel_initializer=init)(inputs)
second = layers.Dense(8, activation="relu", kernel_initializer=init)(inputs)
model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([first, second])))
"""
)
NAMED = (
    KERAS
    + """\
model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(64, activation="relu", kernel_initializer="he_norma"),
    layers.Dense(2),
])
"""
)


def net(parts: str, **given: str) -> str:
    """A module from the statements of its `__init__` and of its `forward`."""
    made, _, flow = parts.format(**given).partition("===\n")
    methods = "    def __init__(self):\n        super().__init__()\n" + indent(made, " " * 8)
    own, _, others = flow.partition("\n\n")
    methods += "\n    def forward(self, x):\n" + indent(own, " " * 8)
    return f"{HEAD}class Net(nn.Module):\n{methods}\n" + (f"\n{indent(others, '    ')}" if others else "")


def planned(text: str, code: str) -> list[Finding]:
    found = [one for one in lint_source(text, "net.py", fixes=True).findings if one.code == code]
    assert found
    return found


def only(text: str, code: str) -> Finding:
    (found,) = planned(text, code)
    return found


def by_hand(code: str, changed: str) -> Any:
    """Plans that come to this text, for the findings with this code."""

    def plan(match: Match, source: Source, safety: str) -> Fix | Declined | None:
        known = fix.plan(match, source, safety)
        if match.code != code:
            return None
        return Fix("by hand", True, differences(source.text, changed, Point(1, 1))) if isinstance(known, Fix) else known

    return plan


CALL = "nn.init.{}(self.fc1.weight)"
HE = net(PAIR, init=CALL.format("he_normal_"))

# code, text, and for each wrong edit: what it does, what stands there, what it makes of it
WRONG: list[tuple[str, str, list[tuple[str, str, str]]]] = [
    ("INI204", net(DEEP, activation="ELU()"), [
        ("another gain", "normal_(layer.weight, std=0.01)", "kaiming_normal_(layer.weight, a=1)"),
    ]),
    ("INI301", net(RNN), [
        ("another technique", "normal_(self.rnn.weight_hh_l0, std=0.01)", "xavier_normal_(self.rnn.weight_hh_l0)"),
        ("no write", "        nn.init.normal_(self.rnn.weight_hh_l0, std=0.01)\n", ""),
        ("another layer besides", "normal_(self.rnn.weight_hh_l0, std=0.01)",
         "orthogonal_(self.rnn.weight_hh_l0); nn.init.orthogonal_(self.head.weight)"),
    ]),
    ("INI506", net(PAIR, init="nn.init.kaiming_normal_(torch.clone(self.fc1.weight))"), [
        ("a module", "torch.clone(self.fc1.weight)", "torch"),
    ]),
    ("INI506", net(PAIR, init="nn.init.kaiming_normal_(self.fc1.weight.clone())"), [
        ("another tensor than the copied one", "self.fc1.weight.clone()", "self.fc2.weight"),
        ("another tensor of the layer", "self.fc1.weight.clone()", "self.fc1.bias[None]"),
    ]),
    ("INI602", net(PAIR, init='nn.init.kaiming_normal_(self.fc1.weight, nonlinearity="ReLU")'), [
        ("another tensor than the one of the call", '(self.fc1.weight, nonlinearity="ReLU")',
         '(self.fc2.weight, nonlinearity="relu")'),
    ]),
    ("INI606", net(PAIR, init="self.fc1.weight.normal_(std=0.1)"), [
        ("another leaf", "self.fc1.weight.normal_(std=0.1)", "self.fc2.weight.data.normal_(std=0.1)"),
        ("another method", "self.fc1.weight.normal_(std=0.1)", "self.fc1.weight.data.uniform_(-0.1, 0.1)"),
        ("its bias", "self.fc1.weight.normal_(std=0.1)", "self.fc1.bias.data.normal_(std=0.1)"),
    ]),
    ("INI608", net(PAIR, init="nn.init.kaiming_normal_(self.fc1)"), [
        ("a weight of another module", "(self.fc1)", "(self.fc2.weight)"),
        ("another initializer", "kaiming_normal_(self.fc1)", "xavier_normal_(self.fc1.weight)"),
    ]),
    ("INI601", MIXED, [
        ("a guard that never holds", "    nn.init.kaiming_normal_(parameter)\n",
         "    if parameter.dim() > 4:\n        nn.init.kaiming_normal_(parameter)\n"),
    ]),
    ("INI502", net(EARLY), [("no pass at all", "        self.apply(self._init_weights)\n", "")]),
    ("INI604", HE, [
        ("another initializer", "he_normal_", "xavier_normal_"),
        ("another tensor", "he_normal_(self.fc1", "kaiming_normal_(self.fc2"),
        ("a second tensor", "he_normal_(self.fc1.weight)",
         "kaiming_normal_(self.fc1.weight); nn.init.kaiming_normal_(self.fc2.weight)"),
        ("no write", f"        {CALL.format('he_normal_')}\n", ""),
    ]),
    ("INI604", NAMED, [
        ("another initializer by name", "he_norma", "glorot_normal"),
        ("no initializer", ', kernel_initializer="he_norma"', ""),
    ]),
    ("INI104", net(RAW), [
        ("values for another parameter", "torch.ones(32, 32))\n",
         "torch.ones(32, 32))\n        self.weight = nn.Parameter(self.other.detach())\n"),
        ("zeros", "torch.empty(32, 32)", "torch.zeros(32, 32)"),
        ("a constant", "torch.empty(32, 32)", "torch.full((32, 32), 0.5)"),
    ]),
    ("INI105", net(ADAPTER), [
        ("a constant", "zeros_(self.down.weight)", "constant_(self.down.weight, 0.1)"),
        ("the other factor away from zero", "zeros_(self.up", "normal_(self.up"),
        ("ones", "zeros_(self.down.weight)", "ones_(self.down.weight)"),
    ]),
    ("INI102", net(CONSTANT), [
        ("the identity's constant rows", "constant_(self.fc1.weight, 0.1)", "constant_(self.fc1.weight, 0.0)"),
    ]),
    ("INI103", TWINS, [
        ("another initializer", 'second = layers.Dense(8, activation="relu", kernel_initializer=init)',
         'second = layers.Dense(8, activation="relu", kernel_initializer="glorot_normal")'),
        ("none at all", 'second = layers.Dense(8, activation="relu", kernel_initializer=init)',
         'second = layers.Dense(8, activation="relu")'),
    ]),
    ("INI210", net(CUT), [
        ("another spread", "std=0.125, a=-0.125, b=0.125", "std=0.05"),
        ("another law", "trunc_normal_(self.fc1.weight, std=0.125, a=-0.125, b=0.125)",
         "uniform_(self.fc1.weight, -0.125, 0.125)"),
        ("another tensor", "trunc_normal_(self.fc1.weight, std=0.125, a=-0.125, b=0.125)",
         "trunc_normal_(self.fc2.weight, std=0.125)"),
    ]),
    ("INI302", net(LSTM), [
        ("all gates", "zeros_(self.lstm.bias_ih_l0)", "ones_(self.lstm.bias_ih_l0)"),
        ("random biases", "zeros_(self.lstm.bias_ih_l0)", "normal_(self.lstm.bias_ih_l0)"),
        ("no writes", "nn.init.zeros_(self.lstm.bias_ih_l0)\n        nn.init.zeros_(self.lstm.bias_hh_l0)\n", "pass\n"),
        ("the input gate besides", "zeros_(self.lstm.bias_hh_l0)\n",
         "zeros_(self.lstm.bias_hh_l0)\n        nn.init.ones_(self.lstm.bias_ih_l0[0:64])\n"),
    ]),
    ("INI403", net(TIED), [
        ("no tie", "        self.head.weight = self.embedding.weight\n", ""),
        ("zeros", "self.embedding.weight\n", "self.embedding.weight\n        nn.init.zeros_(self.head.weight)\n"),
        ("hardly anything", "self.embedding.weight\n",
         "self.embedding.weight\n        nn.init.normal_(self.head.weight, std=1e-6)\n"),
        ("another matrix besides", "self.embedding.weight\n",
         "self.embedding.weight\n        for m in (self.head, self.mix): nn.init.normal_(m.weight, std=0.02)\n"),
    ]),
    ("INI404", SELU.format(between="Dropout(0.1)"), [
        ("no dropout", "nn.Dropout(0.1)", "nn.Identity()"),
        ("another rate", "nn.Dropout(0.1)", "nn.AlphaDropout(0.5)"),
        ("no dropout and no selu", "    nn.SELU(),\n    nn.Dropout(0.1),\n", "    nn.ReLU(),\n    nn.Dropout(0.1),\n"),
    ]),
    ("INI404", SELU.format(between="LayerNorm(64)"), [
        ("a layer in its place", "nn.LayerNorm(64)", "nn.Linear(64, 64)"),
        ("an activation in its place", "nn.LayerNorm(64)", "nn.Tanh()"),
    ]),
    ("INI505", net(KINDS), [
        ("another initializer below", "if isinstance(m, nn.Conv2d):\n                nn.init.kaiming_normal_(m.weight)",
         "if isinstance(m, nn.Conv1d):\n                nn.init.zeros_(m.bias)"),
        ("layers that were not missed", "isinstance(m, nn.Conv2d)", "isinstance(m, (nn.Conv1d, nn.Linear))"),
        ("no branch", "        if isinstance(m, nn.Conv2d):\n", "        if False:\n"),
    ]),
    ("INI505", net(CASE), [
        ("another name", '"Conv" in name', '"head" in name'),
        ("every name", '"Conv" in name and', '"" in name and'),
    ]),
]  # fmt: skip
CASES = [pytest.param(code, text, *edit, id=f"{code} {name}") for code, text, edits in WRONG for name, *edit in edits]


@pytest.mark.parametrize("code, text, old, new", CASES)
def test_a_fix_that_writes_something_else_is_refused_and_the_right_one_is_not(
    code: str, text: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = planned(text, code)
    assert all(isinstance(one.fix, Fix) for one in firm)
    assert old in text
    monkeypatch.setattr(repairs, "plan", by_hand(code, text.replace(old, new)))
    assert [one.fix for one in planned(text, code)] == [Declined(proof.WHY)] * len(firm)


@pytest.mark.parametrize(
    "init",
    ["nn.init.glorot_normal_(layer.weight, 9.0)", "nn.init.xavier_normal_(layer, 9.0)", "nn.init.zero_(layer.weight)"],
)
def test_what_the_code_says_is_not_held_against_a_fix_that_lets_it_run(init: str) -> None:
    """Another rule speaks once it no longer raises, and would have spoken of what was meant."""
    text = net(DEEP, activation="ReLU()").replace("nn.init.normal_(layer.weight, std=0.01)", init)
    found = lint_source(text, "net.py", fixes=True).findings
    raising = [one.fix for one in found if one.code in {"INI604", "INI608"} and isinstance(one.fix, Fix)]
    assert len(raising) == 1
    left = lint_source(apply(text, raising).text, "net.py").findings
    assert {one.code for one in left if one.severity > Severity.INFO} - {one.code for one in found}


@pytest.mark.parametrize("slope", ["1", "2"])
def test_a_prescription_that_takes_an_alpha_for_a_slope_is_refused(slope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model judges what is meant; only reading what is written shows a gain of 1 instead of 1.25."""

    def sloped(*written: Any) -> dict[str, str]:
        found = prescription(*written)
        return {**found, "scheme": "kaiming", "slope": slope}

    text = net(DEEP, activation="ELU()")
    assert isinstance(only(text, "INI204").fix, Fix)
    monkeypatch.setattr("initlint.remedies.prescription", sloped)
    assert only(text, "INI204").fix == Declined(proof.WHY)


@pytest.mark.parametrize("activation", ["ReLU()", "ELU(0.5)", "GELU()", "SiLU()", "Tanh()", "LeakyReLU(0.3)"])
def test_what_the_planner_writes_is_what_the_activation_needs(activation: str) -> None:
    assert isinstance(only(net(DEEP, activation=activation), "INI204").fix, Fix)
