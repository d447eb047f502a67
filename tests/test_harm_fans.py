"""What INI208 and INI210 say of scales is so in the real torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
import torch
from lintable import told
from torch import Tensor, nn

from initlint.graph import InitEvent
from initlint.strengths import truncated


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def growth(weight: Tensor, apply: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...]) -> float:
    """Standard deviation of what comes out, over that of what goes in."""
    return float(apply(torch.randn(shape), weight).std())


def test_a_stack_of_expert_matrices_loses_the_root_of_its_width() -> None:
    """The fan is in; to take in * out for it costs what the other side has."""
    weight = nn.init.kaiming_normal_(torch.empty(8, 64, 128), nonlinearity="linear")
    assert growth(weight, torch.bmm, (8, 32, 64)) == pytest.approx(128**-0.5, rel=0.05)
    right = nn.init.normal_(weight, std=64**-0.5)
    assert growth(right, torch.bmm, (8, 32, 64)) == pytest.approx(1, rel=0.05)


def test_a_matrix_of_the_layout_in_x_out_is_off_by_the_root_of_its_sides() -> None:
    weight = nn.init.kaiming_normal_(torch.empty(64, 1024), nonlinearity="linear")
    assert growth(weight, lambda x, w: x @ w, (512, 64)) == pytest.approx((64 / 1024) ** 0.5, rel=0.05)


def test_a_depthwise_kernel_under_fan_out_dies_out_layer_by_layer() -> None:
    """32 channels: each layer keeps 1 / sqrt(32) of what He would."""

    def through(mode: Any) -> float:
        layers: list[nn.Module] = []
        for _ in range(6):
            conv = nn.Conv2d(32, 32, 3, padding=1, padding_mode="circular", groups=32, bias=False)
            nn.init.kaiming_normal_(conv.weight, mode=mode, nonlinearity="relu")
            layers += [conv, nn.ReLU()]
        with torch.no_grad():
            return float(nn.Sequential(*layers)(torch.randn(8, 32, 16, 16)).std())

    assert through("fan_out") < 1e-3 * through("fan_in")


def test_a_transposed_kernel_has_its_fan_in_first() -> None:
    conv = nn.ConvTranspose2d(256, 3, 4, stride=4, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
    with torch.no_grad():
        assert float(conv(torch.randn(4, 256, 8, 8)).std()) == pytest.approx((256 / 48) ** 0.5, rel=0.1)


def test_the_stride_counts_in_a_transposed_kernel() -> None:
    """256 -> 64 with 4x4 at stride 2: torch's count, 64 * 16, is the true 256 * 16 / 4. INI208 is silent."""
    conv = nn.ConvTranspose2d(256, 64, 4, stride=2, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
    with torch.no_grad():
        assert float(conv(torch.randn(4, 256, 16, 16)).std()) == pytest.approx(1, rel=0.1)


def test_the_first_side_of_a_linear_weight_is_fan_out() -> None:
    """The `fan_in = weight.size()[0]` of many DDPG implementations."""
    fc = nn.Linear(24, 400, bias=False)
    limit = fc.weight.size()[0] ** -0.5
    nn.init.uniform_(fc.weight, -limit, limit)
    with torch.no_grad():
        assert float(fc(torch.randn(256, 24)).std()) == pytest.approx((24 / 400 / 3) ** 0.5, rel=0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        {"std": 2.0},
        {"std": 0.02, "a": -0.02, "b": 0.02},
        {"std": 0.02, "a": -0.03, "b": 0.03},
        {"std": 0.25, "a": 0.0, "b": 2.0},
        {"std": 0.5, "mean": 0.5, "a": 0.0, "b": 0.6},
        {},
        {"std": 0.02},
    ],
)
def test_truncation_changes_the_standard_deviation_as_told(arguments: dict[str, Any]) -> None:
    event = InitEvent("trunc_normal", tuple(arguments.items()), None, "torch.nn.init.trunc_normal_", True)
    drawn = nn.init.trunc_normal_(torch.empty(400, 400), **arguments).std()
    ratio = truncated(event)
    assert ratio is not None
    assert float(drawn) / arguments.get("std", 1.0) == pytest.approx(ratio, rel=0.01)


def test_bounds_at_two_standard_deviations_are_meant() -> None:
    event = InitEvent(
        "trunc_normal", (("std", 0.1), ("a", -0.2), ("b", 0.2)), None, "torch.nn.init.trunc_normal_", True
    )
    assert truncated(event) is None
    assert math.isclose(
        truncated(InitEvent("trunc_normal", (("std", 1.0),), None, "", True)) or 0, 0.8796, abs_tol=1e-4
    )


def test_a_matrix_without_entries_has_no_fan_to_divide_by() -> None:
    with pytest.raises(ZeroDivisionError):
        nn.init.xavier_uniform_(torch.empty(2, 0, 0))
    text = """
        import torch
        from torch import nn

        class Cross(nn.Module):
            def __init__(self, columns=()):
                super().__init__()
                width = len(columns)
                self.weight = nn.Parameter(torch.empty(2, width, width))
                nn.init.xavier_uniform_(self.weight)

            def forward(self, x):
                return torch.einsum("bi,eij,bj->bei", x, self.weight, x)
    """
    assert told(dedent(text)) == set()
