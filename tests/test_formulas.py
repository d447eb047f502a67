"""Activations that code composes, as functions that the signal model takes: their kinks and slopes by torch, and which
are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_networks import composed, function

from initlint.findings import Finding
from initlint.formulas import Composed, Function, Operation, curve_of, evaluated
from initlint.moments import moments
from initlint.pipeline import lint_source

FOLLOWED = {
    "x * torch.sigmoid(1.702 * x)": (),
    "0.5 * torch.relu(x) + 0.1 * x": (0.0,),
    "torch.maximum(torch.tanh(x), 0.5 * x)": (-1.9150, 0.0, 1.9150),
    "torch.where(x > 0.5, x, 0.5 * x + 0.25)": (0.5,),
    "x - 0.8 * x.clamp(-1.0, 2.0)": (-1.0, 2.0),
    "x + 2 * torch.abs(torch.relu(x) - 1)": (0.0, 1.0),
    "torch.nn.functional.hardtanh(x - 0.5) + 0.1 * x": (-0.5, 1.5),
    "torch.relu(x) * torch.sigmoid(torch.relu(x))": (0.0,),
    "1 - x * torch.sigmoid(-x)": (),
}


def own(formula: str) -> Composed:
    found = composed(formula)
    assert found is not None
    return found


@pytest.mark.parametrize("formula", FOLLOWED)
def test_it_has_torch_s_values_and_slopes_and_its_kinks(formula: str) -> None:
    curve = Function("custom", composed=own(formula)).curve
    assert curve is not None
    assert curve.kinks == pytest.approx(FOLLOWED[formula], abs=1e-4)
    x = torch.linspace(-6.01, 6, 501, dtype=torch.float64, requires_grad=True)
    y = function(formula)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(curve(x.detach().numpy()), y.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(curve.slope(x.detach().numpy()), slope.numpy(), atol=1e-4)
    assert own(formula).at_zero == pytest.approx(function(formula)(torch.zeros(1)).item())


@pytest.mark.parametrize("variance", [0.01, 1.0, 9.0])
@pytest.mark.parametrize("formula", FOLLOWED)
def test_its_moments_are_torch_s(formula: str, variance: float) -> None:
    curve = Function("custom", composed=own(formula)).curve
    assert curve is not None
    found = moments(curve, variance)
    x = torch.linspace(-12, 12, 200_002, dtype=torch.float64)  # 0 is none of them
    density = torch.exp(-x * x / 2) / (2 * torch.pi) ** 0.5
    z = (x * variance**0.5).requires_grad_()
    y = function(formula)(z)
    (slope,) = torch.autograd.grad(y.sum(), z)
    y = y.detach()
    assert found.second_moment == pytest.approx(torch.trapezoid(y**2 * density, x).item(), rel=1e-3)
    assert found.derivative_second_moment == pytest.approx(torch.trapezoid(slope**2 * density, x).item(), rel=1e-3)


@pytest.mark.parametrize(
    "formula, slopes",
    [
        ("0.5 * torch.relu(x) + 0.1 * x", (0.1, 0.6)),
        ("x + 0.5 * torch.abs(x)", (0.5, 1.5)),
        ("2 * torch.relu(x) - torch.relu(-x)", (1.0, 2.0)),
        ("torch.where(x > 0, 0.5 * x, x)", (1.0, 0.5)),
        ("torch.where(x > 1, x, 0.5 * x + 0.5)", None),
        ("torch.relu(x) + 0.1 * x + 0.01", None),
        ("x * torch.sigmoid(1.702 * x)", None),
    ],
)
def test_what_is_linear_on_both_sides_of_zero(formula: str, slopes: tuple[float, float] | None) -> None:
    assert own(formula).slopes == (None if slopes is None else pytest.approx(slopes))


@pytest.mark.parametrize(
    "formula",
    [
        "torch.where(x > 0.5, 0.5 * x, 0.1 * x)",  # a jump
        "x * torch.sign(x - 1)",
        "torch.sqrt(torch.abs(x)) * torch.sign(x)",  # a slope without end
        "torch.relu(x) * torch.relu(x)",  # decided by the scale of the data
        "x * x * torch.sigmoid(x)",
        "x * torch.exp(x / 4)",
    ],
)
def test_what_the_model_can_not_follow_has_no_steps(formula: str) -> None:
    assert own(formula).steps == ()
    assert Function("custom", composed=own(formula)).curve is None


def test_a_step_that_is_not_on_the_list_is_not_evaluated() -> None:
    with pytest.raises(LookupError):
        evaluated([Operation("scale", "cumsum", (0,), 1.0)], np.zeros(3))


def test_a_step_may_overflow_or_have_no_value() -> None:
    root = Operation("scale", "pow", (0,), 0.5)
    values = evaluated([Operation("activation", "exp", (0,)), root], np.array([-1.0, 1e4]))
    assert values[1][1] == np.inf
    assert np.isnan(values[2][0])


def test_many_kinks_are_not_followed() -> None:
    waves = (Operation("activation", "sin", (0,)), Operation("scale", "abs", (1,)))
    assert curve_of(waves) is None


@pytest.mark.parametrize(
    "formula, kind",
    [
        ("x * torch.sigmoid(1.702 * x)", "rectifier"),
        ("1.5 * torch.relu(x) + 0.1 * x", "rectifier"),
        ("3 * x * torch.sigmoid(x)", "rectifier"),
        ("torch.minimum(x, 0.1 * x)", "rectifier"),
        ("x / torch.sqrt(1 + x.pow(2))", "saturating"),
        ("torch.sigmoid(x) * (2 - torch.sigmoid(x))", "saturating"),
        ("x * torch.exp(-x * x / 2)", "other"),
        ("torch.sigmoid(x) * (1 - torch.sigmoid(x))", "other"),
        ("torch.tanh(x) + 0.1 * x", "other"),
        ("x + torch.abs(x) * 0.1", "other"),
    ],
)
def test_kinds(formula: str, kind: str) -> None:
    assert own(formula).kind == kind


ZERO = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.out = nn.Linear(8, 8)
        {init}

    def forward(self, x):
        x = self.fc(x)
        return self.out({formula})
"""


def findings(formula: str, init: str) -> tuple[Finding, ...]:
    return lint_source(ZERO.format(formula=formula, init=init), "net.py", debug=True).findings


@pytest.mark.parametrize(
    "formula, severity",
    [
        ("x * torch.sigmoid(1.702 * x)", "error"),  # nothing comes through it
        ("1 - x * torch.sigmoid(-1.5 * x)", "error"),  # all its units get the same gradient
    ],
)
def test_zeros_before_it_are_played_with_it(formula: str, severity: str) -> None:
    init = "nn.init.zeros_(self.fc.weight); nn.init.zeros_(self.fc.bias); nn.init.zeros_(self.out.weight)"
    found = {one.code: str(one.severity.name).lower() for one in findings(formula, init)}
    assert found["INI101"] == severity


def test_two_that_differ_in_a_digit_that_is_not_shown_are_two() -> None:
    one = own("x * torch.sigmoid(1.702 * x)")
    assert replace(one) == one
    assert own("x * torch.sigmoid(1.7020001 * x)") != one
