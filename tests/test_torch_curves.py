"""Witness: every curve is the function of that name in torch, with its default and with other parameters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_torch_activations import function

from initlint import curves

X = np.concatenate([np.linspace(-30, 30, 2001), np.linspace(-7, 7, 2001), [0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 0.5, -0.5]])


@pytest.mark.parametrize("name", sorted(curves.names() - {"rrelu"}))
def test_a_curve_is_what_torch_computes(name: str) -> None:
    found = curves.curve(name)
    assert found is not None
    expected = function(name)(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(found(X), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "name, parameter", [("leaky_relu", 0.2), ("elu", 1.7), ("celu", 0.6), ("softplus", 2.0), ("softshrink", 0.8)]
)
def test_a_parameter_means_what_it_means_in_torch(name: str, parameter: float) -> None:
    found = curves.curve(name, parameter)
    assert found is not None
    expected = function(name)(torch.from_numpy(X), parameter).numpy()
    np.testing.assert_allclose(found(X), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(curves.names() - {"rrelu"}))
def test_the_slope_is_the_one_that_torch_takes_at_kinks_too(name: str) -> None:
    found = curves.curve(name)
    assert found is not None
    kinks = () if name in {"hardswish", "hardmish"} else found.kinks  # for these it takes the side above
    z = np.concatenate([np.linspace(-7, 7, 401), kinks, np.nextafter(kinks, 9), np.nextafter(kinks, -9)])
    x = torch.from_numpy(z).requires_grad_()
    (expected,) = torch.autograd.grad(function(name)(x).sum(), x)
    np.testing.assert_allclose(found.slope(z), expected.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", sorted(curves.names()))
def test_kinks_are_all_there_are(name: str) -> None:
    """Between them the slope is continuous: differences of slopes vanish with the step."""
    found = curves.curve(name)
    assert found is not None
    z = np.linspace(-8, 8, 160_001)
    z = z[np.abs(z[:, None] - np.array(found.kinks or [99.0])[None, :]).min(axis=1) > 1e-3]
    if name != "exp":
        slope = (found(z + 1e-5) - found(z - 1e-5)) / 2e-5
        assert float(np.abs(np.diff(slope))[np.diff(z) < 2e-4].max()) < 2e-3
