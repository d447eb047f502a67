"""Convolutions with a stride, transposed or not: signal and gradient as torch has them."""

from __future__ import annotations

import math
import re

import pytest
import torch
from lintable import text_of
from mended import golden
from test_fix_evidence import signals
from test_torch_fixes import executed
from torch import nn

from initlint.pipeline import lint_source

TEXT = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.{kind}(32, 32, {kernel}, stride={stride}, padding=1, bias=False)
        self.second = nn.{kind}(32, 32, {kernel}, stride={stride}, padding=1, bias=False)
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.kaiming_normal_(self.second.weight)

    def forward(self, x):
        return self.second(self.first(x).relu()).relu()
"""


def measured(text: str, size: int) -> tuple[float, float]:
    """The std of the signal at the end, and of the gradient at the first layer's output, without the borders."""
    torch.manual_seed(0)
    second, gradient = [], []
    for _ in range(6):
        net = vars(executed(text, "net"))["Net"]()
        x = torch.randn(4, 32, size, size)
        hidden = net.first(x)
        last = net.second(hidden.relu())
        (found,) = torch.autograd.grad(last, hidden, torch.randn_like(last))
        second.append(last.relu()[..., 4:-4, 4:-4].square().mean().item())
        gradient.append(found[..., 4:-4, 4:-4].square().mean().item())
    return math.sqrt(sum(second) / 6), math.sqrt(sum(gradient) / 6)


@pytest.mark.parametrize(
    "kind, kernel, stride, size",
    [("ConvTranspose2d", 4, 2, 12), ("ConvTranspose2d", 3, 1, 16), ("Conv2d", 3, 1, 24), ("Conv2d", 4, 2, 64)],
)
def test_a_stride_thins_the_sums_of_a_transposed_convolution_and_the_gradients_of_a_plain_one(
    kind: str, kernel: int, stride: int, size: int
) -> None:
    text = TEXT.format(kind=kind, kernel=kernel, stride=stride)
    (told,) = set(signals(text, {"Net.second"}))
    assert (told.forward_std, told.backward_std) == pytest.approx(measured(text, size), rel=0.1)


def test_the_fix_of_a_decoder_knows_its_stride() -> None:
    """Four layers with stride 2: as written 1/64 is left, as fixed all of it."""
    name = "INI201/fires_strided_decoder"
    for text, expected in ((text_of(name), 1 / 64), (golden(name).read_text(encoding="utf-8"), 1.0)):
        torch.manual_seed(0)
        left = []
        for _ in range(4):
            net = vars(executed(text, name))["Decoder"]()
            for m in net.modules():
                if isinstance(m, nn.ConvTranspose2d) and m.bias is not None:
                    nn.init.zeros_(m.bias)
            left.append(net(torch.randn(4, 64, 6, 6))[..., 16:-16, 16:-16].square().mean().item())
        assert math.sqrt(sum(left) / 4) == pytest.approx(expected, rel=0.2)


ALONE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(64, 32, {kernel}, stride={stride}, bias=False)
        self.last = nn.Conv2d(32, 8, 3)
        nn.init.xavier_normal_(self.up.weight)

    def forward(self, x):
        return self.last(self.up(x).relu())
"""


@pytest.mark.parametrize("kernel, stride", [(4, 2), (3, 2), (2, 2), (4, 4)])
def test_messages_count_the_stride_too(kernel: int, stride: int) -> None:
    """What a single layer keeps of the signal is said from the sums that its outputs really are."""
    text = ALONE.format(kernel=kernel, stride=stride)
    (finding,) = lint_source(text, "net.py").findings
    (kept,) = re.findall(r"keeps (\d\.\d\d) of the signal", finding.message)
    torch.manual_seed(0)
    up = vars(executed(text, "net"))["Net"]().up
    left = up(torch.randn(16, 64, 12, 12)).relu()[..., 4:-4, 4:-4].square().mean().sqrt().item()
    assert left == pytest.approx(float(kept), abs=0.02)
