"""Moments of activations: closed forms against quadrature, both against the tables, and what any function may be."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from numpy.typing import NDArray

from initlint import curves
from initlint.knowledge import knowledge
from initlint.moments import difference, moments

CURVES = sorted(curves.names())
NONE = {"softmax", "log_softmax", "softmin", "glu", "threshold"}


def the(name: str) -> curves.Curve:
    found = curves.curve(name)
    assert found is not None
    return found


def test_every_activation_that_is_a_function_of_entries_has_a_curve() -> None:
    assert set(knowledge().activations) - set(CURVES) == NONE
    assert curves.curve("softmax") is None


@pytest.mark.parametrize("name", CURVES)
def test_the_second_moment_is_that_of_the_table(name: str) -> None:
    assert moments(the(name)).second_moment == pytest.approx(knowledge().activations[name].second_moment, rel=1e-9)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("variance", [0.25, 1.0, 9.0])
def test_moments_are_those_of_a_large_sample(name: str, variance: float) -> None:
    found = moments(the(name), variance)
    z = math.sqrt(variance) * np.random.default_rng(1).standard_normal(400_000)
    values = the(name)(z)
    assert found.mean == pytest.approx(values.mean(), abs=5 * values.std() / math.sqrt(z.size))
    if name != "exp":  # whose fourth moment a sample does not see
        assert found.second_moment == pytest.approx(float((values**2).mean()), rel=0.03, abs=1e-12)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu", "linear"])
@pytest.mark.parametrize("variance", [1e-6, 0.3, 1.0, 50.0])
def test_closed_forms_are_what_quadrature_gives(name: str, variance: float) -> None:
    exact = moments(the(name), variance)
    assert exact == pytest.approx(moments(the(name).evaluate, variance), rel=1e-4, abs=1e-12)
    assert exact == pytest.approx(moments(the(name).evaluate, variance, (0.0,)), rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu"])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01])
def test_the_difference_of_two_inputs_has_a_closed_form_too(name: str, share: float) -> None:
    numeric = difference(curves.Curve(the(name).evaluate, (0.0,)), 2.0, 2.0 * share)
    assert difference(the(name), 2.0, 2.0 * share) == pytest.approx(numeric, rel=2e-3)


@pytest.mark.parametrize("name", sorted(set(CURVES) - {"exp", "hardshrink"}))
def test_independent_inputs_differ_by_the_variance_and_close_ones_by_the_slope(name: str) -> None:
    found = moments(the(name))
    spread = found.second_moment - found.mean**2
    assert difference(the(name), 1.0, 1.0) == pytest.approx(spread, rel=2e-3)
    assert difference(the(name), 1.0, 1e-12) == pytest.approx(1e-12 * found.derivative_second_moment, rel=1e-3)
    assert difference(the(name), 1.0, 2e-8) == pytest.approx(2e-8 * found.derivative_second_moment, rel=0.03)


def test_a_jump_is_no_slope() -> None:
    assert moments(the("hardshrink")).derivative_second_moment == pytest.approx(1 - math.erf(0.5 / math.sqrt(2)))


def test_selu_keeps_mean_and_variance() -> None:
    """Klambauer et al. 2017: mean 0 and variance 1 are its fixed point."""
    found = moments(the("selu"))
    assert (found.mean, found.second_moment) == pytest.approx((0.0, 1.0), abs=1e-9)


def test_slopes_and_alphas_count() -> None:
    steep = curves.curve("leaky_relu", 0.5)
    assert steep is not None
    assert moments(steep).second_moment == pytest.approx(0.625)
    elu = curves.curve("elu", 2.0)
    assert elu is not None
    assert float(elu(np.array([-50.0]))[0]) == pytest.approx(-2.0)


def test_any_function_of_arrays_has_moments() -> None:
    def quick_gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
        made: NDArray[np.float64] = x / (1 + np.exp(-1.702 * x))
        return made

    found = moments(quick_gelu)
    sample = [quick_gelu(np.array([z]))[0] ** 2 for z in np.random.default_rng(0).standard_normal(20_000)]
    assert found.second_moment == pytest.approx(statistics.fmean(sample), rel=0.05)
    assert found.gain == pytest.approx(1 / math.sqrt(found.second_moment))
    assert found.slope_gain == pytest.approx(1 / math.sqrt(found.derivative_second_moment))


def test_unknown_kinks_cost_digits_only() -> None:
    assert moments(the("hardtanh").evaluate) == pytest.approx(moments(the("hardtanh")), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("function", [lambda x: x[:3], lambda x: np.exp(x**4), lambda x: x / 0.0])
def test_what_gives_no_numbers_is_refused(function: curves.Evaluate) -> None:
    with pytest.raises(ValueError, match="function"):
        moments(function)


@pytest.mark.parametrize("variance", [-1.0, math.inf, math.nan])
def test_a_variance_is_a_number(variance: float) -> None:
    with pytest.raises(ValueError, match="variance"):
        moments(the("tanh"), variance)


def test_erf_is_right_to_thirteen_digits() -> None:
    x = np.linspace(-7, 7, 1003)
    exact = np.array([math.erf(v) for v in x])
    assert float(np.abs(curves.erf(x) - exact).max()) < 2e-13


@pytest.mark.parametrize("name", [name for name, spec in knowledge().activations.items() if spec.slope is not None])
def test_slopes_stay_within_the_bounds_of_the_table(name: str) -> None:
    """For all variances up to 4, so that what they screen out needs no NumPy."""
    bounds = knowledge().activations[name].slope
    assert bounds is not None
    found = [moments(the(name), variance).derivative_second_moment for variance in np.geomspace(1e-4, 4, 30)]
    assert bounds[0] - 1e-6 <= min(found)
    assert max(found) <= bounds[1] + 1e-6
