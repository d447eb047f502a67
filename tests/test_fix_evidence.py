"""The evidence of a finding with a fix: the signal as it is, and as it is once the fixes are in the file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from operator import attrgetter

import pytest
import torch
from lintable import text_of
from mended import FIRING, golden, mended, planned
from test_torch_fixes import executed
from torch import nn
from torch.nn import functional

from initlint.chains import Flow
from initlint.findings import Finding, Fix, Signal
from initlint.pipeline import lint_source, study_source
from initlint.report import renderer
from initlint.signals import exact, measured
from initlint.strands import strand_of

# Layers in no run of layers, by what holds their weight: class, weight, true fan_in, what they feed.
LONE = [
    ("INI208/fires_kernels", "Upsampler", "up.weight", 256 * 4, nn.Identity()),
    ("INI208/fires_kernels", "Tagger", "lstm.weight_ih_l0", 64, nn.Identity()),
    ("INI208/fires_kernels", "Attention", "attention.in_proj_weight", 64, nn.Identity()),
    ("INI208/fires_raw_matrices", "Conv1D", "weight", 64, functional.relu),
    ("INI208/fires_raw_matrices", "Experts", "up", 64, functional.silu),
    ("INI208/fires_raw_matrices", "Experts", "down", 256, nn.Identity()),
    ("INI208/fires_raw_matrices", "Routed", "w", 32, nn.Identity()),
    ("INI208/fires_raw_matrices", "GraphLayer", "weight", 16, nn.Identity()),
]
MEASURED = [name for name in FIRING if name.startswith(("INI201", "INI204", "INI205", "INI207"))]


def fixable(name: str) -> list[Finding]:
    code = name.partition("/")[0]
    return [one for one in planned(name) if one.code == code and isinstance(one.fix, Fix)]


def signals(text: str, layers: set[str]) -> Iterator[Signal]:
    """What becomes of the signal on the runs of layers through these, computed anew from the text."""
    _, models = study_source(text, "net.py")
    for flow in (Flow(context) for model in models for context in model.contexts):
        for layer in flow.context.layers:
            strand = strand_of(flow, layer.index)
            if layer.name in layers and strand.links:
                found = exact(strand) or measured(strand)
                if found is not None:
                    yield found


@pytest.mark.parametrize("name", MEASURED)
def test_the_evidence_is_of_the_chain_as_it_is_and_as_its_fix_leaves_it(name: str) -> None:
    fixed = (mended(name).text or b"").decode()
    for finding in fixable(name):
        layers = {site.name for site in finding.layers}
        assert finding.evidence is not None
        before, after = finding.evidence.before, finding.evidence.after
        assert before is not None
        assert after is not None
        # A layer whose fans are not known has joined the run once its initializer divides by them.
        there = [one for one in signals(fixed, layers) if one.depth in (after.depth, after.depth + 1)]
        near = [(one.forward_std, one.backward_std) for one in there]
        # He's gain stands for one that is close to it.
        far = 0.2 if name.endswith("composed") else 0.05
        assert pytest.approx((after.forward_std, after.backward_std), rel=far) in near, (finding.message, near)


@pytest.mark.parametrize("name, owner, path, fan_in, activation", LONE)
def test_a_layer_by_itself_has_the_signal_that_torch_gives_it(
    name: str, owner: str, path: str, fan_in: int, activation: nn.Module
) -> None:
    """Of a small difference through the weight and what it feeds, as written and as fixed."""
    layer = f"{owner}.{path.removesuffix('.weight').removesuffix('.weight_ih_l0').removesuffix('.in_proj_weight')}"
    code = name.partition("/")[0]
    (finding,) = (one for one in fixable(name) if one.code == code and layer in {site.name for site in one.layers})
    assert finding.evidence is not None
    for signal, text in (
        (finding.evidence.before, text_of(name)),
        (finding.evidence.after, golden(name).read_text(encoding="utf-8")),
    ):
        torch.manual_seed(1)
        module = executed(text, name)
        weights = torch.stack([attrgetter(path)(vars(module)[owner]()).detach() for _ in range(8)])
        factor = fan_in * weights.square().mean().item()
        z = (math.sqrt(factor) * torch.randn(100_000)).requires_grad_()
        (slope,) = torch.autograd.grad(activation(z).sum(), z)
        assert signal is not None
        assert (signal.depth, signal.backward_std) == (1, 1.0)
        assert signal.forward_std == pytest.approx(math.sqrt(factor * slope.square().mean().item()), rel=0.05)


def test_every_finding_about_variance_with_a_fix_has_both_numbers() -> None:
    without = {
        (one.code, name)
        for name in FIRING
        for one in planned(name)
        if isinstance(one.fix, Fix)
        and one.code.startswith(("INI20", "INI301"))
        and not (one.evidence and one.evidence.before and one.evidence.after)
    }
    assert not without


@pytest.mark.parametrize("code", ["INI201", "INI204", "INI205", "INI207"])
def test_json_says_both_beside_each_fix(code: str) -> None:
    render = renderer("json")
    texts = [text_of(name) for name in MEASURED if name.startswith(code)]
    documents = [json.loads(render(lint_source(text, "net.py", fixes=True))) for text in texts]
    found = [one for document in documents for one in document["findings"] if one["code"] == code]
    fixed = [one["evidence"] for one in found if "edits" in one["fix"]]
    assert fixed
    for evidence in fixed:
        assert all({"forward_std", "backward_std", "depth"} <= evidence[time].keys() for time in ("before", "after"))
        assert evidence["before"]["depth"] == evidence["after"]["depth"]


def test_what_is_measured_for_the_evidence_alone_changes_nothing_else_of_a_finding() -> None:
    text = text_of("INI201/fires_subclass_and_block")  # of which one, before a GELU, can't leave the band
    plain, full = (lint_source(text, "net.py", fixes=fixes).findings for fixes in (False, True))
    told = [[(one.code, one.place, one.message, one.severity) for one in found] for found in (plain, full)]
    assert told[0] == told[1]
    assert any(one.evidence and one.evidence.before is None for one in plain)
