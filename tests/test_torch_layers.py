"""Witness: constructors, bases and weights of rules/layers/torch.toml are asked of the real torch."""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
from torch import nn
from torch_modules import STACKS, TORCH, Arguments, bound, built, cases, class_of, samples

from initlint.knowledge import REQUIRED, LayerSpec, canonical
from initlint.sizes import expand_weights, sizes

NO_ROW = {"LinearCrossEntropyOptions": "a record of options, no module"}
RECURRENT = ("RNN", "LSTM", "GRU")  # their constructors take *args


def test_every_public_class_has_a_row() -> None:
    """No module of torch.nn is forgotten, and no row names one that does not exist."""
    known = {spec.kind for spec in TORCH.values()}
    assert set(nn.modules.__all__) - known == set(NO_ROW)
    assert known - set(nn.modules.__all__) == {"NonDynamicallyQuantizableLinear"}


@pytest.mark.parametrize("spec", [s for s in TORCH.values() if s.kind not in RECURRENT], ids=lambda spec: spec.kind)
def test_constructor(spec: LayerSpec) -> None:
    """Names, defaults and kinds of the parameters are those of the real constructor."""
    kinds = {"POSITIONAL_OR_KEYWORD": "ordinary", "KEYWORD_ONLY": "keyword"}
    kinds |= {"VAR_POSITIONAL": "positionals", "VAR_KEYWORD": "keywords"}
    real = list(inspect.signature(class_of(spec.kind).__init__).parameters.values())[1:]
    assert [(p.name, p.kind) for p in spec.parameters] == [(p.name, kinds[p.kind.name]) for p in real]
    for ours, theirs in zip(spec.parameters, real, strict=True):
        # The default activation of transformers is the function, for us its name.
        default = theirs.default.__name__ if callable(theirs.default) and ours.default == "relu" else theirs.default
        expected = REQUIRED if theirs.default is inspect.Parameter.empty else default
        assert ours.default == expected, ours.name
        assert type(ours.default) is type(expected), ours.name


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_constructor(kind: str) -> None:
    """The rows' parameters in their order, given by position, arrive where their names say; so do the defaults."""
    spec = TORCH[f"torch.nn.{kind}"]
    given = {"input_size": 3, "hidden_size": 4, "num_layers": 2, "nonlinearity": "relu", "bias": False}
    given |= {"batch_first": True, "dropout": 0.25, "bidirectional": True, "proj_size": 2}
    names = [p.name for p in spec.parameters if p.name in given]
    module = class_of(kind)(*(given[name] for name in names))
    assert {name: getattr(module, name) for name in names} == {name: given[name] for name in names}
    plain = class_of(kind)(3, 4)
    for parameter in spec.parameters[2:]:
        if parameter.name in given:
            assert getattr(plain, parameter.name) == parameter.default


@pytest.mark.parametrize("spec", TORCH.values(), ids=lambda spec: spec.kind)
def test_bases(spec: LayerSpec) -> None:
    """The classes between a kind and Module, by the names that isinstance tests reach us with."""
    between = [c for c in class_of(spec.kind).__mro__[1:] if c not in (object, nn.Module)]
    assert list(spec.bases) == [canonical(f"{c.__module__}.{c.__qualname__}") for c in between]
    assert canonical(f"{class_of(spec.kind).__module__}.{spec.kind}") == spec.qualified


@pytest.mark.parametrize("spec, arguments", cases())
def test_weights(spec: LayerSpec, arguments: Arguments) -> None:
    """Names and shapes of the parameters that are registered."""
    known = bound(spec, arguments)
    expected = {weight.name: sizes(weight, known) for weight in expand_weights(spec, known)}
    real = {name: tuple(p.shape) for name, p in built(spec, arguments).named_parameters()}
    assert real == expected


@pytest.mark.parametrize("spec, arguments", cases(lazy=True))
def test_lazy_weights(spec: LayerSpec, arguments: Arguments) -> None:
    """A lazy kind's shape is unknown where it depends on the lazy size, and right once that is known."""
    module = built(spec, arguments)
    before = expand_weights(spec, bound(spec, arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(torch.zeros(2, 6, *[5] * spec.rank))
    known = bound(spec, arguments) | {spec.lazy: 6}
    real = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert real == {weight.name: sizes(weight, known) for weight in expand_weights(spec, known)}
    kernel = next(weight for weight in before if weight.name == "weight")
    shape = sizes(kernel, bound(spec, arguments))
    assert shape is not None
    assert None in shape
    assert len(shape) == len(real["weight"])


def expected_return(value: object) -> str:
    return "pair" if isinstance(value, tuple) else "tensor"


def test_returns() -> None:
    """What comes out of the kinds that do not return a tensor, and of their neighbours that do."""
    x, state = torch.zeros(2, 3, 4), torch.zeros(2, 4)
    for kind in RECURRENT:
        assert expected_return(class_of(kind)(4, 4)(x)) == TORCH[f"torch.nn.{kind}"].returns
    attention = nn.MultiheadAttention(4, 2)
    assert expected_return(attention(x, x, x)) == TORCH["torch.nn.MultiheadAttention"].returns
    hidden, cell = nn.LSTMCell(4, 4)(state)
    assert hidden.shape == cell.shape
    assert TORCH["torch.nn.LSTMCell"].returns == "state"
    for kind in ("RNNCell", "GRUCell"):
        assert expected_return(class_of(kind)(4, 4)(state)) == TORCH[f"torch.nn.{kind}"].returns
    loss = nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])(state, torch.zeros(2, dtype=torch.long))
    assert expected_return(loss) == TORCH["torch.nn.AdaptiveLogSoftmaxWithLoss"].returns
    others = {spec.kind for spec in TORCH.values() if spec.returns != "tensor"}
    assert others == {"RNN", "LSTM", "GRU", "RNNBase", "MultiheadAttention", "LSTMCell", "AdaptiveLogSoftmaxWithLoss"}


@pytest.mark.parametrize("kind", STACKS)
def test_stacks_have_the_weights_of_the_layer_they_are_given(kind: str) -> None:
    """A stack registers nothing of its own: its row lists no weights."""
    layer = class_of(f"{kind}Layer")(8, 2, 12, batch_first=True)
    inside = {name for name, _ in layer.named_parameters()}
    names = [name for name, _ in class_of(kind)(layer, 2).named_parameters()]
    assert {name.split(".", 2)[2] for name in names if name.startswith("layers.")} == inside
    assert len(names) == 2 * len(inside)
    assert not TORCH[f"torch.nn.{kind}"].weights


def test_activations_inside() -> None:
    """What the recurrent cells compute, by the rows' names: the units of LSTM and GRU are sigmoid and tanh."""
    x = torch.linspace(-2, 2, 5)[:, None]
    for spec in (TORCH["torch.nn.RNNCell"], TORCH["torch.nn.RNN"]):
        assert spec.internal == ("tanh",)
        for choice in ("tanh", "relu"):
            cell = class_of(spec.kind)(1, 1, **{spec.chosen_by: choice})
            out = cell(x) if spec.kind == "RNNCell" else cell(x[:, None])[0][:, 0]
            w = {name[: name.rindex("h") + 1]: p for name, p in cell.named_parameters()}
            if spec.kind == "RNNCell":
                assert torch.allclose(out, getattr(torch, choice)(x @ w["weight_ih"] + w["bias_ih"] + w["bias_hh"]))
            else:
                first = getattr(torch, choice)(x[:1] @ w["weight_ih"] + w["bias_ih"] + w["bias_hh"])
                assert torch.allclose(out[:1], first)
    for kind in ("LSTMCell", "LSTM", "GRUCell", "GRU"):
        assert TORCH[f"torch.nn.{kind}"].internal == ("sigmoid", "tanh")
    lstm = nn.LSTMCell(1, 1)
    i, _, g, o = (x @ lstm.weight_ih.T + lstm.bias_ih + lstm.bias_hh).chunk(4, 1)
    assert torch.allclose(lstm(x)[0], torch.sigmoid(o) * torch.tanh(torch.sigmoid(i) * torch.tanh(g)))
    gru = nn.GRUCell(1, 1)
    r, z, n = (x @ gru.weight_ih.T + gru.bias_ih).chunk(3, 1)
    hr, hz, hn = gru.bias_hh.chunk(3)
    update = torch.sigmoid(z + hz)
    assert torch.allclose(gru(x), (1 - update) * torch.tanh(n + torch.sigmoid(r + hr) * hn))


@pytest.mark.parametrize("kind", ["TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"])
def test_activation_of_transformers(kind: str) -> None:
    """The feed-forward part uses ReLU unless the argument that the row names says otherwise."""
    spec = TORCH[f"torch.nn.{kind}"]
    assert spec.internal == ("attention", "relu")
    for choice in ("relu", "gelu"):
        arguments = samples(spec)[0] | {spec.chosen_by: choice}
        inside = [m for m in built(spec, arguments).modules() if hasattr(m, "linear1")]
        assert inside
        assert all(m.activation is getattr(torch.nn.functional, choice) for m in inside)
