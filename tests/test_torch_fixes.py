"""What the real PyTorch makes of the fixed fixtures: nothing that raised raises any more, every module still runs."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator

import pytest
import torch
from lintable import is_runnable, text_of
from mended import FIRING, golden, planned
from torch import nn

from initlint.findings import Declined

CRASHES = [name for name in FIRING if name.startswith("INI60")]


def is_changed(name: str) -> bool:
    return golden(name).read_text(encoding="utf-8") != text_of(name)


def executed(text: str, name: str) -> types.ModuleType:
    module = types.ModuleType(name.replace("/", "_"))
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)  # noqa: S102 - our own fixture
    return module


def parts(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    """Classes and functions of a fixture that can be called without arguments."""
    for name, part in vars(module).items():
        own = getattr(part, "__module__", None) == module.__name__
        modules = inspect.isclass(part) and issubclass(part, nn.Module)
        if own and (modules or name == "make") and not required(part):
            yield name, part


def declined_in(name: str) -> set[str]:
    """The classes and functions of a fixture in which a fix is declined: what it leaves may raise as before."""
    lines = {finding.place.span.start.line for finding in planned(name) if isinstance(finding.fix, Declined)}
    return {
        part.name
        for part in ast.parse(text_of(name)).body
        if isinstance(part, (ast.ClassDef, ast.FunctionDef))
        if not lines.isdisjoint(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    }


def required(part: object) -> list[str]:
    assert callable(part)
    parameters = inspect.signature(part).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]


@pytest.mark.parametrize("name", CRASHES)
def test_what_raised_raises_no_more(name: str) -> None:
    declined = declined_in(name)
    before, after = executed(text_of(name), name), executed(golden(name).read_text(encoding="utf-8"), name)
    assert list(dict(parts(before))) == list(dict(parts(after)))
    for part_name, part in parts(before):
        assert callable(part)
        with pytest.raises((ValueError, RuntimeError, TypeError, AttributeError, KeyError)):
            part()
        fixed = getattr(after, part_name)
        if part_name not in declined:
            fixed()


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras on torch
@pytest.mark.parametrize("name", [name for name in FIRING if is_runnable(name) and is_changed(name)])
def test_every_fixed_module_can_be_made(name: str) -> None:
    torch.manual_seed(0)
    declined = declined_in(name)
    module = executed(golden(name).read_text(encoding="utf-8"), name)
    for part_name, part in parts(module):
        if part_name in declined:
            continue
        assert callable(part)
        made = part()
        if isinstance(made, nn.Module):
            assert all(torch.isfinite(p).all() for p in made.parameters())


def test_every_gate_of_a_fixed_recurrent_layer_is_orthogonal() -> None:
    """orthogonal_ on the stacked matrix would leave each of them half as large."""
    made = executed(golden("INI301/fires_forms").read_text(encoding="utf-8"), "recurrent")
    seen = 0
    for name in ("Gated", "Cell", "XavierForAll", "UniformForAll"):
        for key, stacked in getattr(made, name)().named_parameters():
            for gate in stacked.chunk(stacked.shape[0] // stacked.shape[1]) if "weight_hh" in key else ():
                torch.testing.assert_close(gate @ gate.T, torch.eye(len(gate)), atol=1e-5, rtol=0)
                seen += 1
    assert seen == 2 * 2 * 3 + 4 + 4 + 3


def test_the_forget_gates_of_every_fixed_lstm_start_open() -> None:
    module = executed(golden("INI302/fires_forms").read_text(encoding="utf-8"), "INI302")
    opened = (module.ByName(16, 32), module.Stacked(), module.Cell(), module.WrongQuarter())
    for part in (one for made in opened for one in made.modules() if isinstance(one, nn.LSTM | nn.LSTMCell)):
        biases = dict(one for one in part.named_parameters() if one[0].startswith("bias_"))
        assert biases
        for name in (name for name in biases if name.startswith("bias_ih")):
            total = biases[name] + biases[name.replace("_ih", "_hh")]
            assert torch.equal(total.chunk(4)[1], torch.ones(part.hidden_size)), (type(part), name)


@pytest.mark.parametrize("name, learns", [("before", False), ("after", True)])
def test_the_rows_of_zeroed_layers_differ_after_ten_steps_once_they_are_fixed(name: str, learns: bool) -> None:
    """As written they never move from zero; the same steps on the fixed text leave no two of a layer's rows alike."""
    fixture = "INI101/fires_apply"
    text = golden(fixture).read_text(encoding="utf-8") if name == "after" else text_of(fixture)
    torch.manual_seed(0)
    ((_, part),) = parts(executed(text, fixture))
    assert callable(part)
    net = part()
    assert isinstance(net, nn.Module)
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(10):
        optimizer.zero_grad()
        torch.autograd.backward(net(torch.randn(8, 3, 8, 8)).sub(1).square().mean())
        optimizer.step()
    unique = [len({tuple(row.flatten().tolist()) for row in layer.weight.detach()}) for layer in layers]
    assert unique == [layer.out_channels if learns else 1 for layer in layers]
