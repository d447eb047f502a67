"""The showcase under the real torch, as it is and as it is once all fixes are in it."""

from __future__ import annotations

import importlib
import math
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from fix_properties import EVERYTHING
from lintable import FIXTURES

from initlint.findings import Finding
from initlint.mending import mend_paths
from initlint.pipeline import lint_paths

torch.set_num_threads(1)

DRAWS = 24


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The project before and after."""
    both = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("after")
    for folder in both:
        shutil.copytree(FIXTURES.parent / "showcase" / "tremor", folder / "tremor")
    mend_paths([str(both[1])], EVERYTHING, unsafe=True, write=True, debug=True)
    return both


def module(folder: Path, name: str) -> ModuleType:
    """A module of our own project, read from this folder."""
    for known in [key for key in sys.modules if key.partition(".")[0] == "tremor"]:
        del sys.modules[known]
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"tremor.{name}")
    finally:
        sys.path.pop(0)


def finding(folder: Path, code: str) -> Finding:
    (one,) = (one for one in lint_paths([str(folder)], EVERYTHING, fixes=True).findings if one.code == code)
    return one


def signal(folder: Path) -> tuple[float, float]:
    """Of the nine convolutions: what a small difference becomes, and the gradient at the first one's output relative to
    the last one's; root mean squares over networks."""
    picker = module(folder, "picker")
    forward = backward = 0.0
    for draw in range(DRAWS):
        torch.manual_seed(draw)
        encoder = picker.Encoder(module(folder, "config").PickerConfig())
        wave = torch.randn(2, 3, 1600)
        near = wave + 1e-3 * torch.randn_like(wave)
        sums, out = [], wave
        for block in encoder.blocks:
            sums.append(block.conv(out))
            out = block.pool(sums[-1].relu())
        other = encoder(near).detach()
        forward += ((other - out).square().mean() / (near - wave).square().mean()).item()
        first, last = torch.autograd.grad(out, [sums[0], sums[8]], torch.randn_like(out))
        backward += (first.square().mean() / last.square().mean()).item()
    return math.sqrt(forward / DRAWS), math.sqrt(backward / DRAWS)


def test_the_signal_through_the_picker_is_what_the_finding_says_before_and_after(folders: tuple[Path, Path]) -> None:
    evidence = finding(folders[0], "INI201").evidence
    assert evidence is not None
    for folder, told in zip(folders, (evidence.before, evidence.after)):
        assert told is not None
        forward, backward = signal(folder)
        assert abs(math.log(forward / told.forward_std)) < 0.3, (forward, told)
        assert abs(math.log(backward / told.backward_std)) < 0.3, (backward, told)


def test_what_raised_runs(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="Unsupported nonlinearity gelu"):
        module(folders[0], "magnitude").MagnitudeNet()
    torch.manual_seed(0)
    net = module(folders[1], "magnitude").MagnitudeNet()
    assert torch.isfinite(net(torch.randn(2, 1, 256))).all()


def test_what_was_missed_is_initialized(folders: tuple[Path, Path]) -> None:
    """The query has values, the head's own method is called, and the convolutions of the encoder are reached."""
    torch.manual_seed(0)
    blocks = module(folders[1], "blocks")
    assert blocks.AttentionPool(512, 4).query.std().item() == pytest.approx(0.02, rel=0.15)
    outs = [module(folder, "blocks").PhaseHead(128, 64, 0.1).out.weight.std().item() for folder in folders]
    assert outs == pytest.approx([1 / math.sqrt(3 * 128), 0.01], rel=0.1)
    encoders = [module(folder, "magnitude").SpectrumEncoder() for folder in folders]
    compress = [encoder.compress.weight.std().item() for encoder in encoders]
    assert compress == pytest.approx([1 / math.sqrt(3 * 32 * 9), math.sqrt(2 / (64 * 9))], rel=0.1)


def test_a_gate_that_starts_all_zero_stands_still(folders: tuple[Path, Path]) -> None:
    """One call zeroes both of its layers, of which one may be: that has no fix, and the finding is an error."""
    torch.manual_seed(0)
    gate = module(folders[0], "blocks").StationGate(16, 8)
    optimizer = torch.optim.SGD(gate.parameters(), lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        gate(torch.randn(32, 8), torch.randint(16, (32,))).square().mean().backward()
        optimizer.step()
    assert not gate.hidden.weight.any()
