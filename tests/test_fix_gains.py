"""What a fix writes before an activation keeps the signal, whatever activation and however it is written: by torch."""

from __future__ import annotations

import pytest
import torch
from test_torch_fixes import executed
from torch import nn

from initlint.mending import mend_source

TEXT = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(256, 512)
        self.last = nn.Linear(512, 8)
        self.activation = {module}
        nn.init.xavier_normal_(self.first.weight, gain=0.5)

    def forward(self, x):
        y = self.first(x)
        return self.last({hidden})
"""
MODULES = [
    *("ReLU()", "ReLU6()", "LeakyReLU()", "LeakyReLU(0.3)", "PReLU()", "PReLU(init=0.1)", "RReLU()", "SELU()"),
    *("ELU()", "ELU(2.0)", "ELU(alpha=0.5)", "CELU()", "CELU(3.0)", "GELU()", "SiLU()", "Mish()", "Hardswish()"),
    "Softplus()",
]
FUNCTIONS = ["F.relu(y)", "F.leaky_relu(y, 0.3)", "F.elu(y)", "F.elu(y, 0.3)", "F.celu(y, 3.0)", "y.clamp(min=0)"]
COMPOSED = [
    "y * torch.sigmoid(1.702 * y)",
    "0.5 * y.relu() + 0.1 * y",
    "torch.where(y > 0, y, 0.3 * (torch.exp(y) - 1))",
    "2 * y * F.relu(y + 0.5) / (1 + y.abs())",
]
FUNCTIONS += COMPOSED
FORMS = [(f"nn.{one}", "self.activation(y)") for one in MODULES] + [("None", one) for one in FUNCTIONS]


@pytest.mark.parametrize("module, hidden", FORMS)
def test_what_is_written_instead_keeps_the_signal(module: str, hidden: str) -> None:
    """From one layer's outputs to the next one's: where the activation gets normal inputs, so does the next one."""
    text = TEXT.format(module=module, hidden=hidden)
    done = (mend_source(text.encode(), "net.py", unsafe=True, debug=True).text or b"").decode()
    assert "gain=0.5" not in done
    torch.manual_seed(0)
    second = []
    for _ in range(8):
        net = vars(executed(done, "net"))["Net"]()
        first, net.first, net.last = net.first, nn.Identity(), nn.Identity()
        activated = net(torch.randn(64, 256))
        second.append((activated @ first.weight.T).square().mean().item())
    assert (sum(second) / 8) ** 0.5 == pytest.approx(1.0, abs=0.07)
