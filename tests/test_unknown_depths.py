"""Loops of unknown length: what one layer does, and 10, 30 and 100, as in the real torch; never more than advice."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from initlint.findings import Finding, Severity, Signal
from initlint.pipeline import lint_source
from initlint.report import renderer

torch.set_num_threads(1)

STACK = """
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, depth, width=128):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range({count})])
        {before}
        for layer in self.layers:
            {init}
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        {forward}
        return x
"""
CHAIN = "for layer in self.layers:\n            x = torch.{activation}(layer(x))"
HEADS = "x = torch.cat([torch.relu(layer(x)) for layer in self.layers], -1)"
SUM = "for layer in self.layers:\n            x = x + torch.relu(layer(x))"


def findings(
    init: str, activation: str = "relu", forward: str = CHAIN, count: str = "depth", before: str = "pass"
) -> tuple[Finding, ...]:
    forward = forward.format(activation=activation)
    text = STACK.format(init=init, forward=forward, count=count, before=before)
    return lint_source(text, "net.py", debug=True, fixes=True).findings


def deeper(init: str, activation: str = "relu") -> tuple[Signal, ...]:
    (found,) = findings(init, activation)
    assert found.evidence is not None
    assert found.evidence.before is not None
    return found.evidence.before.deeper


XAVIER = "nn.init.xavier_normal_(layer.weight)"


def test_it_says_what_a_layer_does_and_what_many_would() -> None:
    (found,) = findings(XAVIER)
    assert (found.code, found.severity) == ("INI201", Severity.INFO)
    told = "multiplies the signal by 0.71 a layer, 1/32 in 10 layers, 3e-05 in 30 and 9e-16 in 100 (with he 1.0)"
    assert told in found.message


def test_the_evidence_has_one_turn_and_the_depths() -> None:
    text = STACK.format(init=XAVIER, forward=CHAIN.format(activation="relu"), count="depth", before="pass")
    document = json.loads(renderer("json")(lint_source(text, "net.py", fixes=True)))
    (found,) = document["findings"]
    before, after = found["evidence"]["before"], found["evidence"]["after"]
    assert before["depth"] == 1
    assert [one["depth"] for one in before["deeper"]] == [10, 30, 100]
    assert [one["forward_std"] for one in before["deeper"]] == pytest.approx([2**-5, 2**-15, 2**-50])
    assert [one["forward_std"] for one in after["deeper"]] == pytest.approx([1, 1, 1])
    assert found["evidence"]["verdict"] == "advice"


def test_a_known_length_is_told_as_it_is() -> None:
    (found,) = findings(XAVIER, count="12")
    assert found.severity is Severity.WARNING
    assert "over 12 layers" in found.message
    assert found.evidence is not None
    assert found.evidence.before is not None
    assert not found.evidence.before.deeper


def test_what_is_certain_stays_a_warning() -> None:
    """Layers before the loop count with one turn of it."""
    layers = "self.first = nn.Sequential(*[m for _ in range(8) for m in (nn.Linear(width, width), nn.ReLU())])"
    initialize = "[nn.init.xavier_normal_(m.weight) for m in self.modules() if isinstance(m, nn.Linear)]"
    (found,) = findings(
        "pass",
        forward="x = self.first(x)\n        " + CHAIN,
        before=f"{layers}\n        {initialize}",
    )
    assert (found.code, found.severity) == ("INI201", Severity.WARNING)


@pytest.mark.parametrize(
    "init, code",
    [
        (XAVIER, "INI201"),
        ("nn.init.normal_(layer.weight, std=0.2)", "INI205"),
        ("nn.init.normal_(layer.weight, std=0.02)", "INI204"),
    ],
)
def test_it_is_advice_whatever_the_depth_may_be(init: str, code: str) -> None:
    (found,) = findings(init)
    assert (found.code, found.severity) == (code, Severity.INFO)
    assert "in 10 layers" in found.message


def test_layers_beside_each_other_are_no_depth() -> None:
    (found,) = findings(XAVIER, forward=HEADS)
    assert "in 10 layers" not in found.message
    assert not findings("nn.init.normal_(layer.weight, std=0.2)", forward=HEADS)


def test_residual_blocks_are_no_plain_stack() -> None:
    (found,) = findings(XAVIER, forward=SUM)
    assert "in 10 layers" not in found.message


def test_the_default_and_what_keeps_the_signal_are_silent() -> None:
    assert not findings("pass")
    assert not findings("nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')")


def test_only_sizes_known_to_be_equal_are_taken_for_such() -> None:
    text = STACK.replace("width=128", "width, other").replace("nn.Linear(width, width) for", "nn.Linear({sizes}) for")
    for sizes, told in [("width, width", True), ("width, other", False)]:
        whole = text.format(init=XAVIER, forward=CHAIN.format(activation="relu"), count="depth", sizes=sizes, before="")
        assert bool(lint_source(whole, "net.py", debug=True).findings) is told


NETWORKS = 60


@torch.no_grad()
def response(
    depth: int, init: Callable[[Tensor], object], activation: Callable[[Tensor], Tensor]
) -> tuple[float, float]:
    """What a small difference becomes, as the root mean square over networks, and the standard error of its logarithm.

    A hundred layers of width 128 multiply to a distribution with so long a tail that its mean is not seen in a sample.
    What a layer does on average does not depend on what the others did: the product of the layers' means is the mean.
    """
    torch.manual_seed(depth)
    x = torch.randn(NETWORKS, 4, 128, dtype=torch.float64)
    one, other = x, x + 1e-6 * torch.randn_like(x)
    weights = torch.empty(NETWORKS, 128, 128, dtype=torch.float64)
    logarithm = variance = 0.0
    size = (other - one).square().mean((1, 2))
    for _ in range(depth):
        for weight in weights:
            init(weight)
        one, other = activation(one @ weights), activation(other @ weights)
        now = (other - one).square().mean((1, 2))
        ratio, size = now / size, now
        logarithm += math.log(ratio.mean().item())
        variance += (ratio.std() / ratio.mean()).item() ** 2 / NETWORKS
    return math.exp(logarithm / 2), math.sqrt(variance) / 2


@pytest.mark.parametrize(
    "init, real, activation",
    [
        (XAVIER, nn.init.xavier_normal_, "relu"),
        ("nn.init.normal_(layer.weight, std=0.2)", lambda w: nn.init.normal_(w, std=0.2), "relu"),
        ("nn.init.xavier_normal_(layer.weight, gain=0.6)", lambda w: nn.init.xavier_normal_(w, gain=0.6), "tanh"),
        ("nn.init.normal_(layer.weight, std=0.05)", lambda w: nn.init.normal_(w, std=0.05), "tanh"),
    ],
)
def test_the_depths_are_what_torch_does(init: str, real: Callable[[Tensor], object], activation: str) -> None:
    depths = deeper(init, activation)
    assert [told.depth for told in depths] == [10, 30, 100]
    for told in depths:
        found, error = response(told.depth, real, getattr(torch, activation))
        assert abs(math.log(found / told.forward_std)) < max(0.05, 3 * error), (told, found)
