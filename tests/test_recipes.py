"""The code that `recommend` gives is run: it has the law that is promised, and the linter has nothing against it."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lintable import findings

from initlint.knowledge import knowledge
from initlint.recipes import FRAMEWORKS, imports, recipes
from initlint.recommendations import Fans, Option, Request, activation, for_activation, for_technique

KNOWN = knowledge()
FAN_IN, FAN_OUT = 400, 300
HIDDEN = 16
REQUEST = Request(fans=Fans(FAN_IN, FAN_OUT))


def options() -> Iterator[tuple[str, Option]]:
    """Every option there is: each activation's, each technique's."""
    for name, spec in KNOWN.activations.items():
        for advice in for_activation(spec, REQUEST):
            yield from ((f"{name}-{one.technique.key}", one) for one in advice.options)
    for key in KNOWN.techniques:
        yield from ((key, one) for advice in for_technique(key, REQUEST) for one in advice.options)


def codes(framework: str) -> list[Any]:
    found = {code: option for _, option in options() for code in option.code if code.framework == framework}
    return [
        pytest.param(code, option, id=f"{option.technique.key}-{code.scope}-{number}")
        for number, (code, option) in enumerate(found.items())
    ]


def run(code: Any, names: dict[str, Any]) -> dict[str, Any]:
    exec("\n".join([*imports(code.text), code.text]), names)  # noqa: S102 - our own text, on the real framework
    return names


def square(weight: torch.Tensor) -> torch.Tensor:
    return weight @ weight.T


@pytest.mark.parametrize("code, option", codes("torch"))
def test_torch_code_does_what_is_promised(code: Any, option: Option) -> None:
    torch.manual_seed(1)
    layer: Any
    if code.scope == "layer":
        layer = torch.nn.Conv2d(8, 8, 3) if option.technique.key == "dirac" else torch.nn.Linear(FAN_IN, FAN_OUT)
        before = layer.weight.detach().clone()
        run(code, {"layer": layer})
        if option.technique.key in {"zero", "constant"}:
            assert torch.equal(layer.weight, before), "only the bias is for this"
            assert layer.bias.unique().numel() == 1
        else:
            assert not torch.equal(layer.weight, before)
        if option.std:
            assert float(layer.weight.detach().std()) == pytest.approx(option.std, rel=0.02)
        if option.technique.key == "sparse":
            assert float((layer.weight == 0).float().mean()) == pytest.approx(0.9, abs=0.01)
        return
    kinds: list[Any] = [torch.nn.LSTM] if code.scope == "lstm" else [torch.nn.RNN, torch.nn.GRU]
    for kind in kinds:
        layer = kind(8, HIDDEN, num_layers=2, bidirectional=True)
        run(code, {"layer": layer})
        for name, parameter in layer.named_parameters():
            for gate in parameter.detach().chunk(parameter.size(0) // HIDDEN):
                if "weight_hh" in name:
                    assert torch.allclose(square(gate), torch.eye(HIDDEN), atol=1e-5), "each gate by itself"
            if "bias_ih" in name:
                expected = [0.0, 1.0, 0.0, 0.0] if code.scope == "lstm" else [0.0] * (parameter.numel() // HIDDEN)
                assert [float(gate.unique()) for gate in parameter.detach().chunk(len(expected))] == expected


@pytest.mark.parametrize("code, option", codes("keras"))
def test_keras_code_does_what_is_promised(code: Any, option: Option) -> None:
    keras = _keras()
    keras.utils.set_random_seed(1)
    names = {"units": FAN_OUT if code.scope == "layer" else HIDDEN, "inputs": FAN_IN, "filters": 8, "kernel_size": 3}
    last = code.text.split("\n")[-1]
    lines = [*code.text.split("\n")[:-1], f"made = {last}"]
    exec("\n".join(["import keras", *lines]), names)  # noqa: S102 - as above
    layer: Any = names["made"]
    layer.build((None, FAN_IN) if isinstance(layer, keras.layers.Dense) else (None, 5, FAN_IN))
    if option.std and code.scope == "layer":
        assert float(keras.ops.stop_gradient(keras.ops.std(layer.kernel))) == pytest.approx(option.std, rel=0.02)
    if option.technique.key == "sparse":
        kept = float(keras.ops.mean(keras.ops.cast(layer.kernel != 0, "float32")))
        assert kept == pytest.approx(0.1, abs=0.01)
        assert float(keras.ops.mean(keras.ops.cast(layer.kernel_constraint(layer.kernel + 1) != 0, "float32"))) == kept
    if code.scope == "lstm":
        assert bool(keras.ops.all(layer.cell.bias[HIDDEN : 2 * HIDDEN] == 1))
        assert layer.cell.recurrent_initializer.get_config()["gain"] == 1.0


def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


CHAIN = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(64, 64) for _ in range(12)])
        self.activation = {module}
        self.head = nn.Linear(64, 10)
        for layer in self.blocks:
{code}

    def forward(self, x):
        for layer in self.blocks:
            x = self.activation(layer(x))
        return self.head(x)
"""

RECURRENT = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.{kind}(8, 64)
        self.head = nn.Linear(64, 10)
{code}

    def forward(self, x):
        return self.head(self.layer(x)[0][-1])
"""
MODULES = {
    "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU()",
    "prelu": "nn.PReLU()",
    "elu": "nn.ELU()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "mish": "nn.Mish()",
    "hardswish": "nn.Hardswish()",
    "selu": "nn.SELU()",
    "tanh": "nn.Tanh()",
}


@pytest.mark.parametrize("name", MODULES)
def test_the_linter_is_content_with_what_is_recommended(name: str) -> None:
    """Twelve layers deep, where the wrong law is a warning."""
    (advice,) = for_activation(activation(name), Request(("torch",)))
    code = textwrap.indent(advice.options[0].code[0].text, " " * 12)
    text = CHAIN.format(module=MODULES[name], code=code)
    assert [found for found in findings(text) if found.code.startswith("INI2")] == []
    broken = CHAIN.format(module=MODULES[name], code=" " * 12 + "nn.init.xavier_uniform_(layer.weight, gain=0.5)")
    if name != "tanh":
        assert [found for found in findings(broken) if found.code.startswith("INI2")], "there is something to find"


@pytest.mark.parametrize("kind, scope", [("LSTM", "lstm"), ("GRU", "recurrent"), ("RNN", "recurrent")])
def test_the_linter_is_content_with_the_recurrent_code(kind: str, scope: str) -> None:
    (advice,) = for_technique("orthogonal", Request(("torch",)))
    code = next(code.text for code in advice.options[0].code if code.scope == scope).replace("layer", "self.layer")
    text = RECURRENT.format(kind=kind, code=textwrap.indent(code, " " * 8))
    assert [(found.code, found.message) for found in findings(text)] == []
    assert [found.code for found in findings(RECURRENT.format(kind=kind, code=""))] == ["INI301"]


def test_every_technique_of_the_documents_has_code_for_both() -> None:
    for key, technique in KNOWN.techniques.items():
        if technique.document:
            assert {framework for one in recipes(KNOWN.root) if one.technique == key for framework in one.code} == set(
                FRAMEWORKS
            )


def test_what_has_to_be_imported_is_seen() -> None:
    assert imports("nn.init.zeros_(layer.bias)") == ["from torch import nn"]
    assert imports("with torch.no_grad():\n    layer.weight.mul_(2)") == ["import torch"]
    assert imports("keras.layers.Dense(3)") == ["import keras"]
    assert imports("self.inn.weight") == []
