"""Activations that code composes itself: named where they equal a known one, else computed; the real torch agrees."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from initlint.findings import Finding
from initlint.inspection import Row
from initlint.pipeline import inspect_source, lint_source, study_source

FRAME = """
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

{before}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 64)
        self.out = nn.Linear(64, 64)
        {init}

    def forward(self, x):
        {line}
        return self.out(x)
"""


def net(line: str, before: str = "", init: str = "") -> str:
    return FRAME.format(line=line, before=before, init=init or "pass")


def row(text: str) -> Row:
    return next(one for one in inspect_source(text, "net.py", debug=True).rows if one.name == "Net.fc")


@pytest.mark.parametrize(
    "line, name",
    [
        ("x = self.fc(x); x = x * torch.sigmoid(x)", "silu"),
        ("x = self.fc(x); x = torch.mul(x, x.sigmoid())", "silu"),
        ("x = self.fc(x); x = x / (1 + torch.exp(-x))", "silu"),
        ("x = self.fc(x); x = x * torch.tanh(F.softplus(x))", "mish"),
        ("x = self.fc(x); x = x * F.relu6(x + 3) / 6", "hardswish"),
        ("x = self.fc(x); x = x * (x + 3).clamp(min=0, max=6) / 6", "hardswish"),
        ("x = self.fc(x); x = x / (1 + torch.abs(x))", "softsign"),
        ("x = self.fc(x); x = x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))", "gelu"),
        (
            "x = self.fc(x); x = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))",
            "gelu",
        ),
        ("x = self.fc(x); x = (x + x.abs()) / 2", "relu"),
        ("x = self.fc(x); x = x - torch.tanh(x)", "tanhshrink"),
    ],
)  # fmt: skip
def test_what_equals_a_known_activation_is_named_so(line: str, name: str) -> None:
    found = row(net(line))
    assert found.activations == (name,)
    assert not found.composed


@pytest.mark.parametrize(
    "formula, name, slope",
    [
        ("torch.where(x > 0, x, 0.2 * x)", "leaky_relu", 0.2),
        ("torch.where(x <= 0, 0.3 * x, x)", "leaky_relu", 0.3),
        ("torch.where(torch.lt(x, 0), x * 0.1, x)", "leaky_relu", 0.1),
        ("x.where(x > 0, 0.1 * x)", "leaky_relu", 0.1),
        ("torch.maximum(x, 0.1 * x)", "leaky_relu", 0.1),
        ("torch.max(x, x / 4)", "leaky_relu", 0.25),
        ("F.relu(x) - 0.2 * F.relu(-x)", "leaky_relu", 0.2),
        ("x.clamp(min=0) + x.clamp(max=0) * 0.25", "leaky_relu", 0.25),
        ("torch.where(x > 0, x, torch.zeros_like(x))", "relu", None),
        ("torch.where(x > 0, x, 0.0)", "relu", None),
        ("torch.maximum(x, torch.zeros_like(x))", "relu", None),
        ("x.masked_fill(x < 0, 0)", "relu", None),
        ("x * (x > 0)", "relu", None),
        ("(x > 0).float() * x", "relu", None),
        ("x * (x >= 0).to(x.dtype)", "relu", None),
        ("x * torch.gt(x, 0).type_as(x)", "relu", None),
        ("x * ~(x <= 0)", "relu", None),
        ("x * (1 - (x <= 0).int())", "relu", None),
        ("x * torch.logical_not(x <= 0)", "relu", None),
        ("(x > 0).float() * x + 0.2 * (x <= 0).float() * x", "leaky_relu", 0.2),
        ("(x > 0).float() * x + (1 - (x > 0).float()) * 0.3 * x", "leaky_relu", 0.3),
        ("x.clamp(min=0)", "relu", None),
        ("torch.clamp(x, 0, 6)", "relu6", None),
    ],
)
def test_what_selects_entries_is_named_too_and_torch_agrees(formula: str, name: str, slope: float | None) -> None:
    text = net(f"x = self.fc(x); x = {formula}")
    _, models = study_source(text, "net.py")
    edges = [e.activation for m in models for c in m.contexts for e in c.edges if e.activation is not None]
    assert [(one.name, one.parameter) for one in edges] == [(name, slope)]
    x = torch.linspace(-8, 8, 4001)
    values: torch.Tensor = eval(formula, {"x": x, "torch": torch, "F": functional})  # noqa: S307
    known = functional.leaky_relu(x, slope) if slope is not None else getattr(functional, name)(x)
    torch.testing.assert_close(values, known)


FUNCTION = """
class Quick(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.slope = 1.702
        return x * torch.sigmoid(1.702 * x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(1.702 * x)
        return gradient * (gate + x * gate * (1 - gate))

class Module(nn.Module):
    def forward(self, x):
        return Quick.apply(x)

quick = Quick.apply
"""
KEPT = "        ctx.save_for_backward(x)\n        ctx.slope = 1.702\n"
SETTING = """    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward"""
SPLIT = FUNCTION.replace("ctx, x)", "x)").replace(KEPT, "").replace("    @staticmethod\n    def backward", SETTING)


@pytest.mark.parametrize("before", [FUNCTION, SPLIT], ids=["context", "setup_context"])
@pytest.mark.parametrize("line", ["x = Quick.apply(self.fc(x))", "x = Module()(self.fc(x))", "x = quick(self.fc(x))"])
def test_a_function_with_its_own_backward_is_what_its_forward_says(line: str, before: str) -> None:
    (one,) = row(net(line, before)).composed
    assert one.text == QUICK.replace("torch.", "")
    scope: dict[str, Any] = {"torch": torch, "nn": torch.nn}
    exec(before, scope)  # noqa: S102 - our own text, run by the real torch
    x = torch.randn(1_000_000, dtype=torch.float64)
    sampled = scope["Quick"].apply(x).square().mean().item()
    assert one.second_moment == pytest.approx(sampled, rel=0.01)


LEARNED = """
class Learned(nn.Module):
    def __init__(self, units=64):
        super().__init__()
        self.beta = nn.Parameter({value})
        {init}

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)
"""


@pytest.mark.parametrize(
    "value, init, beta",
    [
        ("torch.tensor(1.702)", "", 1.702),
        ("torch.full((units,), 1.5)", "", 1.5),
        ("torch.ones(units) * 2", "", 2.0),
        ("torch.empty(1)", "nn.init.constant_(self.beta, 0.5)", 0.5),
        ("torch.ones(1)", "nn.init.zeros_(self.beta)", 0.0),
        ("torch.ones(1)", "", 1.0),
    ],
)
def test_a_learned_number_counts_with_its_initial_value(value: str, init: str, beta: float) -> None:
    before = LEARNED.format(value=value, init=init)
    found = row(net("x = self.act(self.fc(x))", before, "self.act = Learned()"))
    scope: dict[str, Any] = {"torch": torch, "nn": torch.nn}
    exec(before, scope)  # noqa: S102
    x = torch.randn(200_000, 64)
    sampled = scope["Learned"]()(x).square().mean().item()
    if beta == 0:
        assert not found.composed  # half of x: a straight line
    elif beta == 1:
        assert found.activations == ("silu",)
    else:
        assert found.composed[0].second_moment == pytest.approx(sampled, rel=0.01)


@pytest.mark.parametrize("value", ["torch.rand(1)", "torch.empty(units)", "torch.randn(units)"])
def test_a_learned_number_drawn_at_random_is_not_known(value: str) -> None:
    found = row(net("x = self.act(self.fc(x))", LEARNED.format(value=value, init=""), "self.act = Learned()"))
    assert not found.composed
    assert "silu" not in (found.activations or ())


QUICK = "x * torch.sigmoid(1.702 * x)"
WITH_BETA = """
class Quick(nn.Module):
    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)
"""


@pytest.mark.parametrize(
    "line, before",
    [
        (f"x = self.fc(x); x = {QUICK}", ""),
        ("x = quick(self.fc(x))", f"def quick(x):\n    return {QUICK}"),
        ("x = quick(self.fc(x))", f"quick = lambda x: {QUICK}"),
        ("x = Quick()(self.fc(x))", f"class Quick(nn.Module):\n    def forward(self, x):\n        return {QUICK}"),
        (
            "x = Quick(1.702)(self.fc(x))",
            WITH_BETA,
        ),
    ],
)
def test_it_may_be_a_function_a_lambda_a_module_or_an_expression(line: str, before: str) -> None:
    found = row(net(line, before))
    assert found.activations == ("custom",)
    (one,) = found.composed
    assert one.text == "x * sigmoid(1.702 * x)"
    assert one.kind == "rectifier"
    assert f"{one.gain:.2f}" == "1.54"


@pytest.mark.parametrize(
    "formula",
    [
        QUICK,
        "x * torch.sigmoid(x) * 1.5",
        "torch.tanh(x) + 0.1 * x",
        "x * torch.exp(-x * x / 2)",
        "torch.where(x > 0, x, 0.3 * (torch.exp(x) - 1))",
        "torch.where(0.5 >= x, x * 0.1, x)",
        "x.where(x < 1, x**2)",
        "torch.maximum(torch.tanh(x), 0.5 * x)",
        "torch.minimum(x, torch.ones_like(x)) - 0.5 * x",
        "x.masked_fill(x.abs() < 0.5, 0.0)",
        "x.clamp(-0.5, 2.0) * x",
        "x.clamp(min=0, max=3)",
        "(x + torch.sqrt(x**2 + 4)) / 2",
        "x * torch.log1p(x.abs()) - 1",
        "torch.sin(x) ** 2 + x",
        "1 - x * torch.sigmoid(-x)",
        "x / torch.sqrt(1 + x.pow(2))",
    ],
)
def test_the_gain_is_what_the_real_torch_has(formula: str) -> None:
    (one,) = row(net(f"x = self.fc(x); x = {formula}")).composed
    x = torch.linspace(-12, 12, 400_001, dtype=torch.float64)
    density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    values: torch.Tensor = eval(formula, {"x": x, "torch": torch, "F": functional})  # noqa: S307
    assert one.second_moment == pytest.approx(float(torch.trapezoid(values**2 * density, x)), rel=1e-3)


@pytest.mark.parametrize("formula", [QUICK, "x * torch.exp(-x * x / 2)", "torch.tanh(x) + 0.1 * x"])
def test_the_told_std_keeps_the_signal_in_torch(formula: str) -> None:
    (one,) = row(net(f"x = self.fc(x); x = {formula}")).composed
    torch.manual_seed(0)
    x: Any = torch.randn(512, 512)
    x = x / x.square().mean().sqrt()
    for _ in range(6):
        weight = torch.randn(512, 512) * one.gain / 512**0.5
        x = eval(formula, {"x": x, "torch": torch}) @ weight.T  # noqa: S307
    assert float(x.square().mean().sqrt()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    "line",
    [
        "a, b = self.fc(x).chunk(2, dim=-1); x = a * torch.sigmoid(b)",
        "x = self.fc(x); x = x[:, :32] * torch.sigmoid(x[:, 32:])",
        "x = self.fc(x); x = x * torch.sigmoid(self.out(x))",
        "x = self.fc(x); x = x * torch.sigmoid(x.transpose(1, 2))",
        "x = self.fc(x); x = x * torch.sigmoid(x.mean(1, keepdim=True))",
        "x = self.fc(x); x = x.unsqueeze(1) * torch.sigmoid(x.unsqueeze(2))",
        "x = self.fc(x); x = x * torch.softmax(x, -1)",
        "x = self.fc(x); x = x * torch.sigmoid(x * unknown)",
        "x = self.fc(x); x = x * torch.sigmoid(x + unknown)",
        "x = self.fc(x); x = x + 2 * x",
        "x = self.fc(x); x = torch.where(self.out(x) > 0, x, 0.2 * x)",
        "x = self.fc(x); x = torch.where(x > unknown, x, 0.2 * x)",
        "x = self.fc(x); x = torch.where(x > 0, x, unknown * x)",
        "x = self.fc(x); x = torch.where(x.mean() > 0, x, 0.2 * x)",
        "x = self.fc(x); x = torch.maximum(x, self.out(x))",
        "x = self.fc(x); x = (x > 0).any() * x",
        "x = self.fc(x); x = x * ((x > 0) & (x < unknown))",
        "x = self.fc(x); x = x * -(x > 0).float()",
        "x = self.fc(x); x = x * ((x > 0).float() + 1)",
        "x = self.fc(x); x = x.max(1)[0]",
        "x = self.fc(x); x = (x * x).clamp(min=0)",
    ],
)
def test_gates_of_other_entries_and_what_is_unknown_are_no_activation(line: str) -> None:
    found = row(net(line))
    assert not found.composed
    assert not {"silu", "leaky_relu", "relu"} & {*(found.activations or ())}


def findings(text: str) -> tuple[Finding, ...]:
    return lint_source(text, "net.py", debug=True).findings


def test_rules_take_its_gain_and_say_the_right_scale() -> None:
    (found,) = findings(net(f"x = self.fc(x); x = {QUICK}", init="nn.init.xavier_normal_(self.fc.weight)"))
    assert found.code == "INI201"
    assert "before x * sigmoid(1.702 * x) keeps 0.65 of the signal, std = 1.54 / sqrt(fan_in) keeps all of it" in (
        found.message
    )


def test_the_right_scale_is_silent() -> None:
    assert not findings(net(f"x = self.fc(x); x = {QUICK}", init="nn.init.normal_(self.fc.weight, std=1.54 / 64**0.5)"))
    gain = "nn.init.xavier_normal_(self.fc.weight, gain=1.54)"
    assert not [f for f in findings(net(f"x = self.fc(x); x = {QUICK}", init=gain)) if f.code == "INI201"]


@pytest.mark.parametrize(
    "formula, name, text",
    [
        ("1.7159 * torch.tanh(2 / 3 * x)", "tanh", "1.7159 * tanh(0.66667 * x)"),
        ("torch.relu(x) * 2**0.5", "relu", "1.4142 * relu(x)"),
        ("torch.sigmoid(x) - 0.5", "sigmoid", "sigmoid(x) - 0.5"),
    ],
)
def test_with_a_factor_or_a_shift_an_activation_keeps_its_name_and_has_a_gain_of_its_own(
    formula: str, name: str, text: str
) -> None:
    found = row(net(f"x = self.fc(x); x = {formula}"))
    assert found.activations == (name,)
    (one,) = found.composed
    assert one.text == text
    x = torch.randn(1_000_000, dtype=torch.float64)
    values: torch.Tensor = eval(formula, {"x": x, "torch": torch})  # noqa: S307
    assert one.second_moment == pytest.approx(values.square().mean().item(), rel=0.01)


@pytest.mark.parametrize(
    "line",
    [
        "x = torch.relu(self.fc(x)) * 1.0",
        "x = torch.relu(self.fc(x)) * unknown",
        "x = torch.softmax(self.fc(x) / 8, -1) * 2",
        "y = torch.relu(self.fc(x)); x = 2 * y + y.mean()",  # something else reads it
        "x = x * (1 + torch.tanh(self.fc(x)))",  # a gate
        "x = x + 0.1 * torch.relu(self.fc(x))",  # a branch that is damped
    ],
)
def test_other_factors_leave_an_activation_as_it_is(line: str) -> None:
    assert not row(net(line)).composed


def test_what_starts_from_an_activation_has_it_inside() -> None:
    (one,) = row(net("x = self.fc(x); y = torch.relu(x); x = y * y")).composed
    assert one.text == "relu(x) * relu(x)"
    assert one.second_moment == pytest.approx(1.5, rel=1e-6)
    assert one.kind == "other"
