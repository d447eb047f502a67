"""INI201, 202, 203, 206, 301 and 402 on models made by hand: numbers, severities, and what stays silent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from lintable import findings, text_of
from modelling import FILE, bias, chained, context, deep, layer, model, place, weight, write

from initlint.findings import Match, Severity
from initlint.graph import GATE, OUTPUT, Activation, Context, Edge, InitEvent, Unknown
from initlint.pipeline import lint_source
from initlint.rules import matches

NARROWING = [round(3000 * 0.78**k) for k in range(19)]
RECURRENT = InitEvent("default", (("a", -0.125), ("b", 0.125)))


def found(*contexts: Context) -> list[Match]:
    return matches(model(*contexts))


def codes(*contexts: Context) -> list[str]:
    return [match.code for match in found(*contexts)]


def one(write_: InitEvent, activation: str, **fans: int) -> Context:
    """A hidden layer with this write before the activation, and a head."""
    fan_in, fan_out = fans.get("fan_in", 64), fans.get("fan_out", 64)
    hidden = layer(0, weight(write_, shape=(fan_out, fan_in)), activations=(activation,), fans=(fan_in, fan_out))
    return context([hidden, layer(1, activations=("output",))])


def test_xavier_before_relu_says_the_numbers() -> None:
    (match,) = found(deep(8, write("xavier_uniform", 20)))
    assert match.code == "INI201"
    assert match.severity is Severity.WARNING
    assert match.place == place(20)
    assert match.message.startswith(
        "xavier_uniform_ before relu: the signal falls to 1/16 over 8 layers (he keeps 1.0): Net.fc0, Net.fc1, Net.fc2"
    )
    assert len(match.layers) == 8


def test_xavier_behind_zeros_says_what_it_keeps_itself() -> None:
    """Nothing is left at the end, and He's would leave nothing either: that is INI101's."""
    event, zero = write("xavier_uniform", 20), write("zeros", 19)
    layers = [layer(i, weight(event if i else zero, shape=(64, 64), line=i + 1), fans=(64, 64)) for i in range(5)]
    told = [one.message for one in found(context(layers)) if one.code == "INI201"]
    assert told
    assert all("xavier_uniform_ before relu keeps 0.71 of the signal (he keeps 1.0)" in text for text in told)


def test_each_layer_of_a_run_counts_with_what_it_keeps() -> None:
    """Widening layers lose more than narrowing ones."""
    event = write("xavier_uniform", 20)
    sizes = [(64, 128), (128, 64)] * 4
    layers = [layer(i, weight(event, shape=(o, n), line=i + 1), fans=(n, o)) for i, (n, o) in enumerate(sizes)]
    (match,) = found(context(layers))
    assert "the signal falls to 1/20 over 8 layers (he keeps 1.0)" in match.message


def test_six_in_a_row_warn_and_five_advise() -> None:
    assert found(deep(6, write("xavier_normal", 20)))[0].severity is Severity.WARNING
    assert found(deep(5, write("xavier_normal", 20)))[0].severity is Severity.INFO


def test_a_change_that_no_law_follows_leaves_the_signal_unknown() -> None:
    small, change = write("normal", 20, std=0.01), write("clamp", 21, covers=False)
    for history, expected in (((small,), ["INI204"]), ((small, change), [])):
        weights = [weight(*history, line=i + 1) for i in range(8)]
        assert codes(context([layer(i, one, fans=(64, 64)) for i, one in enumerate(weights)])) == expected


def test_a_norm_between_makes_it_advice() -> None:
    assert found(deep(8, write("xavier_normal", 20), norm=True))[0].severity is Severity.INFO


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "mish", "hardswish", "relu6"]
)
def test_every_rectifier_has_its_own_gain(activation: str) -> None:
    assert codes(one(write("xavier_uniform", 20), activation)) == ["INI201"]


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softsign", "linear", "output", "softmax", "attention"])
def test_xavier_is_right_elsewhere(activation: str) -> None:
    assert not codes(one(write("xavier_uniform", 20), activation))


def test_a_gain_that_makes_up_for_it_is_silent() -> None:
    assert not codes(one(write("xavier_uniform", 20, gain=2**0.5), "relu"))


def test_a_narrowing_layer_is_silent() -> None:
    assert not codes(one(write("xavier_uniform", 20), "relu", fan_in=1024, fan_out=64))


def test_unknown_sizes_are_silent() -> None:
    hidden = layer(0, weight(write("xavier_uniform", 20), shape=(None, None)), fans=(None, None))
    assert not codes(context([hidden]))


def test_an_unknown_activation_is_silent() -> None:
    assert not codes(context([layer(0, weight(write("xavier_uniform", 20)), activations=None)], []))


def test_a_layer_that_also_feeds_something_linear_is_silent() -> None:
    hidden = layer(0, weight(write("xavier_uniform", 20)), activations=("linear", "relu"))
    assert not codes(context([hidden]))


def test_one_of_two_ways_is_no_finding() -> None:
    ways = ((write("xavier_uniform", 20),), (write("kaiming_normal", 22),))
    assert not codes(context([layer(0, weight(histories=ways))]))


def test_he_before_tanh_is_advice_inside_the_network_only() -> None:
    assert [(m.code, m.severity) for m in found(one(write("kaiming_normal", 20), "tanh"))] == [
        ("INI202", Severity.INFO)
    ]
    head = layer(0, weight(write("kaiming_normal", 20)), activations=("sigmoid",))
    assert not codes(context([head]))
    gate = [Edge(-1, 0, None), Edge(0, GATE, Activation("sigmoid"))]
    assert not codes(context([head], gate))


def test_kaiming_told_the_right_thing_is_no_he() -> None:
    assert not codes(one(write("kaiming_normal", 20, nonlinearity="linear"), "tanh"))
    assert not codes(one(write("kaiming_normal", 20, nonlinearity="tanh"), "tanh"))


@pytest.mark.parametrize(
    "event",
    [
        write("kaiming_normal", 20, nonlinearity="selu"),
        write("xavier_uniform", 20, gain=2.0),
        write("kaiming_normal", 20),
        write("normal", 20, std=0.02),
    ],
)
def test_selu_wants_lecun_and_owns_its_layers(event: InitEvent) -> None:
    assert codes(one(event, "selu")) == ["INI203"]


def test_selu_with_the_default_is_told_at_the_layer() -> None:
    (match,) = found(context([layer(0, activations=("selu",), line=7), layer(1, activations=("output",))]))
    assert match.place == place(7)
    assert "0.33 of the variance" in match.message


@pytest.mark.parametrize(
    "event",
    [
        write("kaiming_normal", 20, nonlinearity="linear"),
        write("lecun_normal", 20, spelling="timm.layers.lecun_normal_"),
        write("normal", 20, std=0.125),
        write("xavier_normal", 20),
    ],
)
def test_selu_is_content_with_the_variance_under_any_name(event: InitEvent) -> None:
    assert not codes(one(event, "selu"))


@pytest.mark.parametrize(
    "event, activation, argument",
    [
        (write("kaiming_normal", 20, a=2**0.5), "relu", "a=1.41"),
        (write("kaiming_uniform", 20, nonlinearity="linear"), "relu", "nonlinearity='linear'"),
        (write("kaiming_uniform", 20, nonlinearity="relu"), "tanh", "nonlinearity='relu'"),
        (write("xavier_uniform", 20, gain=5 / 3), "relu", "gain=1.67"),
        (write("xavier_uniform", 20, gain=1.0), "relu", "gain=1"),
        (write("orthogonal", 20, gain=0.01), "relu", "gain=0.01"),
    ],
)
def test_a_contradicting_gain(event: InitEvent, activation: str, argument: str) -> None:
    (match,) = found(one(event, activation))
    assert match.code == "INI206"
    assert match.message.startswith(argument)


@pytest.mark.parametrize(
    "event, activation",
    [
        (write("kaiming_normal", 20, nonlinearity="relu"), "gelu"),
        (write("kaiming_normal", 20, nonlinearity="relu"), "leaky_relu"),
        (write("kaiming_normal", 20, nonlinearity="leaky_relu"), "relu"),
        (write("kaiming_normal", 20, mode="fan_out"), "relu"),
        (write("kaiming_uniform", 20, a=5**0.5), "relu"),
        (write("xavier_uniform", 20, gain=5 / 3), "tanh"),
        (write("xavier_uniform", 20, gain=1.0), "tanh"),
        (write("orthogonal", 20, gain=0.01), "output"),
        (write("xavier_uniform", 20, gain=Unknown("config")), "relu"),
    ],
)
def test_gains_that_are_right_or_unknown(event: InitEvent, activation: str) -> None:
    assert not codes(one(event, activation))


def test_a_linear_layer_among_those_of_a_call_excuses_the_gain() -> None:
    event = write("kaiming_normal", 20, nonlinearity="linear")
    layers = [
        layer(0, weight(event)),
        layer(1, weight(event), activations=("linear",)),
        layer(2, activations=("output",)),
    ]
    assert not codes(context(layers))


def test_a_call_with_several_gains_is_no_contradiction() -> None:
    layers = [
        layer(0, weight(write("orthogonal", 20, gain=0.5)), activations=("tanh",)),
        layer(1, weight(write("orthogonal", 20, gain=0.25)), activations=("tanh",)),
        layer(2, activations=("output",)),
    ]
    assert not codes(context(layers))


def test_a_slope_of_the_code_counts() -> None:
    layers = [layer(0, weight(write("kaiming_normal", 20, a=0.7)), activations=("leaky_relu",)), layer(1)]
    assert not codes(context(layers, chained(layers, 0.7)))
    assert codes(context(layers, chained(layers, 0.01))) == ["INI206"]


def recurrent(event: InitEvent | None, kind: str = "RNN", hidden: int = 64) -> Context:
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    history = (RECURRENT,) if event is None else (RECURRENT, event)
    matrix = weight(
        shape=(gates * hidden, hidden),
        name="weight_hh_l0",
        role="recurrent",
        histories=(history,),
        default="uniform",
    )
    return context(
        [layer(0, matrix, kind=kind, activations=("output",), line=5)], [Edge(-1, 0, None), Edge(0, OUTPUT, None)]
    )


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_defaults_are_advice_at_the_layer(kind: str) -> None:
    (match,) = found(recurrent(None, kind))
    assert (match.code, match.severity, match.place) == ("INI301", Severity.INFO, place(5))
    assert "0.58" in match.message
    assert ("power" in match.message) is (kind == "RNN")  # gated states have another way through time


def test_a_plain_recurrence_says_what_a_hundred_steps_do() -> None:
    one = recurrent(None, "RNN")
    layers = (replace(one.layers[0], internal=("tanh",)),)
    (match,) = found(replace(one, layers=layers))
    assert match.severity is Severity.WARNING
    assert "0.58: over 100 steps a change of the state is multiplied by 5e-23 (orthogonal: 1/12)" in match.message
    assert match.before is not None
    assert match.before.forward_std == pytest.approx(5e-23, rel=0.1)


def test_he_is_right_for_a_rectified_state() -> None:
    one = recurrent(write("kaiming_normal", 20), "RNN")
    for units, codes_ in (("relu", []), ("tanh", ["INI202"])):
        assert codes(replace(one, layers=(replace(one.layers[0], internal=(units,)),))) == codes_


def test_orthogonal_and_identity_recurrences_are_silent() -> None:
    assert not codes(recurrent(write("orthogonal", 20)))
    assert not codes(recurrent(write("identity", 20, spelling="torch.nn.init.eye_")))


def test_a_square_xavier_keeps_a_plain_state() -> None:
    assert not codes(recurrent(write("xavier_uniform", 20)))
    assert codes(recurrent(write("xavier_uniform", 20), "LSTM")) == ["INI301"]


def test_he_may_be_right_for_a_rectified_state() -> None:
    """A plain RNN's units are chosen by an argument that the graph does not have."""
    assert not codes(recurrent(write("kaiming_normal", 20)))
    assert codes(recurrent(write("normal", 20, std=0.5))) == ["INI301"]


def test_he_on_a_recurrent_matrix_is_one_finding() -> None:
    assert codes(recurrent(write("kaiming_normal", 20), "LSTM")) == ["INI202"]


def test_sparse_outside_of_a_sparse_model() -> None:
    event = write("sparse", 20, sparsity=0.5)
    (match,) = found(context([layer(0, weight(event)), layer(1)]))
    assert (match.code, match.severity) == ("INI402", Severity.INFO)
    assert not codes(context([layer(0, weight(event), module="MaskedLinear"), layer(1)]))


def test_sparse_that_leaves_units_without_inputs_warns() -> None:
    narrow = layer(0, weight(write("sparse", 20, sparsity=0.9), shape=(64, 8)), fans=(8, 64))
    (match,) = found(context([narrow, layer(1)]))
    assert match.severity is Severity.WARNING
    assert "about 29 units" in match.message


def test_biases_and_norms_are_exempt() -> None:
    norm = weight(write("xavier_uniform", 20), role="norm", shape=(64,))
    assert not codes(context([layer(0, norm, bias(write("zeros", 21)))]))


def test_the_real_construction_speaks_for_a_block() -> None:
    """A block built by itself with its defaults says nothing where a model that has it is there."""
    event = write("xavier_uniform", 20)
    block = context([layer(0, weight(event), module="Block")], entry="Block")
    gelu_free = layer(0, weight(event), activations=("tanh",), module="Block")
    whole = context([gelu_free, layer(1, activations=("output",), line=30)], entry="Net")
    assert not codes(block, whole)
    assert codes(block) == ["INI201"]


def test_arguments_left_unknown_do_not_speak_beside_real_ones() -> None:
    event = write("xavier_uniform", 20)
    invented = context([layer(0, weight(event)), layer(1)], genuine=False)
    real = context([layer(0, weight(event), activations=("tanh",)), layer(1)], entry="main")
    assert codes(invented) == ["INI201"]
    assert not codes(invented, real)


def test_matches_are_sorted_and_named() -> None:
    layers = [layer(0, weight(write("xavier_uniform", 30))), layer(1, weight(write("xavier_uniform", 20)), line=2)]
    result = found(context([*layers, layer(2, activations=("output",))]))
    assert [match.place.span.start.line for match in result] == [20, 30]
    assert all(match.place.file == FILE for match in result)


def test_gates_say_what_a_hundred_steps_do() -> None:
    for kind in ("LSTM", "GRU"):
        one = recurrent(None, kind)
        layers = (replace(one.layers[0], internal=("sigmoid", "tanh")),)
        (match,) = found(replace(one, layers=layers))
        assert match.severity is Severity.INFO
        assert "each gate's recurrent matrix the spectral radius 0.58: over 100 steps a change" in match.message
        assert match.before is not None
        assert match.after is not None
        assert match.before.extent == "100 steps"
        assert match.before.forward_std < 1e-17
        assert 1e-14 < match.after.forward_std < 1e-11


def test_numbers_that_differ_between_the_layers_of_a_call_are_told_as_a_range() -> None:
    """Xavier keeps less before ReLU than before ELU, and He is right for one of them only."""
    messages = [one.message for one in findings(text_of("INI201/fires_apply_method"))]
    assert [text for text in messages if "keeps 0.71 to 0.80 of the signal (he keeps 1.0 to 1.1)" in text]


def test_pools_and_flattening_take_no_gradient_from_weights() -> None:
    """An ordinary network of convolutions: tests/test_torch_pools.py asks torch what their gradients are."""
    stack = "".join('layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), ' for _ in range(5))
    text = (
        "import keras\nfrom keras import layers\n\n"
        f"net = keras.Sequential([keras.Input((256, 256, 3)), {stack}layers.Flatten(), "
        'layers.Dense(512, activation="relu"), layers.Dense(1, activation="sigmoid")])\n'
    )
    assert not findings(text)


def test_a_default_that_loses_the_gradient_alone_is_told_with_it() -> None:
    """Eighteen layers, each a fifth narrower, in which Glorot's variance keeps the signal in the band: what the finding
    is for has to stand in its message."""
    text = (
        "import keras\nfrom keras import layers\n\n"
        f"net = keras.Sequential([keras.Input(({NARROWING[0]},)), "
        f'*[layers.Dense(n, activation="relu") for n in {NARROWING[1:]}], layers.Dense(4)])\n'
    )
    [told] = [one.message for one in findings(text) if one.code == "INI207"]
    assert re.search(r": the gradient becomes 1/1\d\d\d over 18 layers \(with the right init ", told)


KINDS = """\
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, mode, features, hidden):
        super().__init__()
        kind = {kind}
        self.rnn = kind(features, hidden, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]
"""


@pytest.mark.parametrize(
    "kind, severity",
    [
        ("nn.RNN", Severity.WARNING),
        ("nn.LSTM", Severity.INFO),
        ("nn.RNN if mode == 'RNN' else nn.LSTM", Severity.INFO),
        ("{'RNN': nn.RNN, 'GRU': nn.GRU}[mode]", Severity.INFO),
    ],
)
def test_a_call_that_makes_one_kind_or_another_is_as_loud_as_the_quietest(kind: str, severity: Severity) -> None:
    (finding,) = lint_source(KINDS.replace("{kind}", kind), "net.py").findings
    assert (finding.code, finding.severity) == ("INI301", severity)
