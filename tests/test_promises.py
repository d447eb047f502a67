"""What a run without --fix says that could be fixed is what --fix does."""

from __future__ import annotations

import pytest

from initlint.pipeline import lint_source

NORMED = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.utils.weight_norm(nn.Conv1d(4, 4, 3))
        self.b = nn.utils.weight_norm(nn.Conv1d(4, 4, 3))
        LINES

    def forward(self, x):
        return self.b(self.a(x).relu())


def init(m):
    if isinstance(m, nn.Conv1d):
        m.weight.data.normal_(0, 0.01)
"""


@pytest.mark.parametrize(
    "lines, promised",
    [
        ("self.apply(init)", 0),
        ("for m in self.modules():\n            init(m)", 0),
        ("self.a.weight.data.normal_(0, 0.01)", 1),
    ],
)
def test_a_write_to_a_computed_weight_is_promised_a_fix_where_it_is_wrapped(lines: str, promised: int) -> None:
    text = NORMED.replace("LINES", lines)
    assert [one.code for one in lint_source(text, "net.py").findings] == ["INI506"]
    for fixes in (False, True):
        assert len(lint_source(text, "net.py", debug=True, fixes=fixes).promises) == promised


DEEP = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*[m for _ in range(12) for m in (nn.Linear(64, 64), nn.ReLU())])
        self.head = nn.Linear(64, 2)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, x):
        return self.head(self.layers(x))
"""


def test_a_chain_among_layers_that_have_initializers_is_promised_no_loop_over_all() -> None:
    for fixes in (False, True):
        report = lint_source(DEEP, "net.py", debug=True, fixes=fixes)
        assert ([one.code for one in report.findings], report.promises) == (["INI207"], ())
