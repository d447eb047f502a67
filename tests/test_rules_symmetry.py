"""INI101, 102, 104 and 105 on models made by hand, and the simulation behind them."""

from __future__ import annotations

import pytest
from modelling import bias, chained, context, layer, model, place, weight, write

from initlint.findings import Match, Severity
from initlint.graph import ATTENTION, DATA, GATE, MERGE, OUTPUT, UNKNOWN, Context, Edge, Layer, Method, Node
from initlint.pipeline import lint_source
from initlint.rulebook import all_rules
from initlint.rules import matches
from initlint.symmetry import IDENTICAL, MOVES, STANDSTILL, Map, prospects

RULES = all_rules()
ZERO = write("zeros", 20)
TWO = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(32, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 10)
        for layer in (self.fc1, self.fc2):
            nn.init.constant_(layer.weight, {value})

    def forward(self, x):
        return self.fc3(self.fc2(self.fc1(x).relu()).relu())
"""


def found(*contexts: Context) -> list[Match]:
    return matches(model(*contexts))


def told(*contexts: Context) -> list[tuple[str, str, str]]:
    return [(m.code, str(m.severity), m.verdict) for m in found(*contexts)]


@pytest.mark.parametrize("value, verb", [("0.0", "start all zero"), ("0.5", "start with 0.5 everywhere")])
def test_of_two_layers_it_is_told_in_the_plural(value: str, verb: str) -> None:
    (finding,) = lint_source(TWO.format(value=value), "net.py").findings
    assert finding.message.startswith(f"Net.fc1 and Net.fc2 {verb}")


def three(middle: Layer, activation: str = "relu") -> Context:
    """Data -> random -> `middle` -> random -> output."""
    return context(
        [layer(0, activations=(activation,)), middle, layer(2, activations=("output",))],
    )


def test_a_hidden_zero_layer_before_relu_is_dead() -> None:
    (match,) = found(three(layer(1, weight(ZERO), bias(write("zeros", 21)))))
    assert (match.code, match.severity, match.verdict) == ("INI101", Severity.ERROR, "dead")
    assert match.place == place(20)
    assert match.message == "Net.fc1 starts all zero and feeds Net.fc2: the gradient stays zero, nothing is learned"


def test_random_biases_break_the_tie_and_make_it_a_warning() -> None:
    assert told(three(layer(1, weight(ZERO), bias()))) == [("INI101", "warning", "symmetric")]


@pytest.mark.parametrize(
    "event",
    [
        write("constant", 20, val=0.0),
        write("normal", 20, mean=0.0, std=0.0),
        write("uniform", 20, a=0.0, b=0.0),
        write("xavier_uniform", 20, gain=0.0),
        write("orthogonal", 20, gain=0),
        write("zeros", 20, spelling="Tensor.zero_"),
    ],
)
def test_zero_under_every_name(event: object) -> None:
    assert [code for code, _, _ in told(three(layer(1, weight(event))))] == ["INI101"]  # type: ignore[arg-type]


def test_two_zero_layers_in_a_row_are_dead_both() -> None:
    hidden, head = layer(0, weight(ZERO), bias(write("zeros", 21))), layer(1, weight(ZERO), activations=("output",))
    (match,) = found(context([hidden, head]))
    assert (match.code, match.severity, match.verdict) == ("INI101", Severity.ERROR, "dead")
    assert [site.name for site in match.layers] == ["Net.fc0", "Net.fc1"]


def test_a_zero_head_is_a_convention() -> None:
    assert not told(context([layer(0), layer(1, weight(ZERO), activations=("output",))]))


def test_logistic_regression_is_silent() -> None:
    assert not told(context([layer(0, weight(ZERO), activations=("output",))]))


@pytest.mark.parametrize("join", [MERGE, GATE, ATTENTION])
def test_the_end_of_a_branch_is_a_convention(join: int) -> None:
    layers = [layer(0), layer(1, weight(ZERO), activations=("linear",)), layer(2, activations=("output",))]
    edges = [*chained([layers[0]])[:1], Edge(0, 1, None), Edge(1, join, None), Edge(1, 2, None), Edge(2, OUTPUT, None)]
    assert not told(context(layers, edges))


def test_what_can_not_be_followed_is_silent() -> None:
    layers = [layer(0), layer(1, weight(ZERO))]
    assert not told(context(layers, [Edge(DATA, 0, None), Edge(0, 1, None), Edge(1, UNKNOWN, None)]))
    assert not told(context(layers, [Edge(DATA, 0, None)]))


def test_a_later_write_to_a_part_is_no_zero_weight() -> None:
    part = write("unknown", 22, covers=False)
    assert not told(three(layer(1, weight(ZERO, part))))


def test_a_single_unit_and_a_frozen_weight_are_silent() -> None:
    assert not told(three(layer(1, weight(ZERO, shape=(1, 64)), fans=(64, 1))))
    assert not told(three(layer(1, weight(ZERO, trainable=False))))
    assert not told(three(layer(1, weight(ZERO, trainable=None))))


def test_tokens_are_not_multiplied_with_data() -> None:
    token = layer(0, weight(ZERO, role="raw", shape=(1, 64)), kind="Parameter", activations=None)
    assert not told(context([token, layer(1)], [Edge(0, MERGE, None), Edge(0, 1, None, ("add",))]))


def test_a_gain_beside_a_kernel_is_no_kernel() -> None:
    gain = weight(write("ones", 20), role="raw", name="gain", shape=(64, 1, 1, 1))
    assert not told(three(layer(1, weight(), gain, kind="Conv2d")))


def test_a_raw_weight_is() -> None:
    raw = layer(1, weight(ZERO, role="raw"), kind="Parameter", name="Net.weight")
    assert [code for code, _, _ in told(three(raw))] == ["INI101"]


def test_a_model_that_has_it_otherwise_speaks_against_it() -> None:
    zeroed = three(layer(1, weight(ZERO), bias(write("zeros", 21))))
    free = three(layer(1, weight(write("kaiming_normal", 24)), bias()))
    assert told(zeroed)
    assert not told(zeroed, free)


def test_equal_constants_stay_equal() -> None:
    event = write("constant", 20, val=0.5)
    silent = bias(write("zeros", 21))
    layers = [layer(0, weight(event), silent), layer(1, weight(event), silent, activations=("output",))]
    (match,) = found(context(layers))
    assert (match.code, match.severity, match.verdict) == ("INI102", Severity.ERROR, "symmetric")
    assert [site.name for site in match.layers] == ["Net.fc0"]


def test_a_constant_before_random_weights_is_a_warning() -> None:
    layers = [layer(0, weight(write("ones", 20)), bias(write("zeros", 21))), layer(1, activations=("output",))]
    assert told(context(layers)) == [("INI102", "warning", "symmetric")]


def test_a_constant_head_is_silent() -> None:
    assert not told(context([layer(0), layer(1, weight(write("constant", 20, val=0.1)), activations=("output",))]))


def test_one_of_two_unknown_ways_is_no_finding() -> None:
    """The condition that skips the write may be the one that makes the parameter."""
    hollow = weight(role="raw", name="bias", memory=True, histories=((), (write("zeros", 9),)), line=5)
    assert not told(context([layer(0, hollow, kind="Parameter", name="Affine.bias")], []))


def test_a_construction_that_fills_it_speaks_against_it() -> None:
    """As a subclass does for the base class that leaves the filling to it."""
    empty = layer(0, weight(role="raw", memory=True), kind="Parameter")
    full = layer(0, weight(write("zeros", 9), role="raw", memory=True), kind="Parameter")
    assert told(context([empty], []), context([empty], []))
    assert not told(context([empty], []), context([full], []))


def test_a_parameter_that_is_left_empty() -> None:
    hollow = weight(role="raw", name="bias", memory=True, line=5)
    (match,) = found(context([layer(0, hollow, kind="Parameter", name="Affine.bias")], []))
    assert (match.code, match.severity, match.place) == ("INI104", Severity.ERROR, place(5))
    assert match.message.startswith("Affine.bias is allocated without values")


@pytest.mark.parametrize("name", ["zeros", "unknown", "kaiming_normal"])
def test_any_write_fills_it(name: str) -> None:
    filled = weight(write(name, 9, covers=False), role="raw", memory=True)
    assert not told(context([layer(0, filled, kind="Parameter")], []))


def test_emptied_again_is_empty() -> None:
    emptied = weight(write("xavier_uniform", 8), write("empty", 9, spelling="Module.to_empty"), memory=True)
    assert [code for code, _, _ in told(context([layer(0, emptied)], []))] == ["INI104"]


def test_what_others_may_write_is_unknown() -> None:
    hollow = layer(0, weight(role="raw", memory=True), kind="Parameter")
    method = Method("reset_parameters", "Net", place(12), None, 0)
    assert not matches(model(context([hollow], []), methods=[method]))
    assert not told(context([hollow], [], complete=False))


def adapter(a: Layer, b: Layer) -> Context:
    nodes = [
        Node("input"),
        Node("layer", (0,), layer=0),
        Node("layer", (1,), layer=1),
        Node("add", (0, 2)),
        Node("output", (3,)),
    ]
    return context([a, b], [Edge(DATA, 0, None), Edge(0, 1, None), Edge(1, MERGE, None)], nodes=nodes)


def test_an_adapter_with_two_zeros_is_told_once() -> None:
    a = layer(0, weight(write("zeros", 20)), activations=("linear",))
    b = layer(1, weight(write("zeros", 21)), activations=("output",))
    (match,) = found(adapter(a, b))
    assert (match.code, match.severity, match.place) == ("INI105", Severity.ERROR, place(21))
    assert match.message == "Net.fc0 and Net.fc1 are multiplied and both start at zero: neither ever gets a gradient"


def test_an_adapter_with_one_zero_is_a_convention() -> None:
    zero = layer(1, weight(write("zeros", 21)), activations=("output",))
    assert not told(adapter(layer(0, weight(write("normal", 20, std=0.1)), activations=("linear",)), zero))
    assert not told(adapter(layer(0, weight(write("zeros", 20)), activations=("linear",)), layer(1)))


def test_a_random_bias_lets_the_second_factor_learn() -> None:
    a = layer(0, weight(write("zeros", 20)), bias(), activations=("linear",))
    assert not told(adapter(a, layer(1, weight(write("zeros", 21)), activations=("output",))))


def test_a_gate_and_its_branch() -> None:
    nodes = [
        Node("input"),
        Node("layer", (0,), layer=0),
        Node("layer", (0,), layer=1),
        Node("mul", (1, 2)),
        Node("add", (0, 3)),
    ]
    edges = [Edge(DATA, 0, None), Edge(DATA, 1, None), Edge(0, GATE, None), Edge(1, GATE, None)]
    both = [layer(0, weight(write("zeros", 20))), layer(1, weight(write("zeros", 21)))]
    assert [code for code, _, _ in told(context(both, edges, nodes=nodes))] == ["INI105"]
    through_sigmoid = [*nodes[:3], Node("activation", (2,), "sigmoid"), Node("mul", (1, 3))]
    assert not told(context(both, edges, nodes=through_sigmoid))


def zero(**extra: object) -> Map:
    return Map(0.0, 0.0, **extra)  # type: ignore[arg-type]


def random(**extra: object) -> Map:
    return Map(None, None, **extra)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "maps, index, outcome",
    [
        ((random(activation="relu"), zero(activation="relu"), random()), 1, STANDSTILL),
        ((random(activation="relu"), zero(activation="leaky_relu", parameter=0.2), random()), 1, MOVES),
        ((random(activation="tanh"), zero(activation="tanh"), random()), 1, MOVES),
        ((random(activation="relu"), zero(activation="relu", norm=True), random()), 1, STANDSTILL),
        ((zero(activation="tanh"), zero()), 0, STANDSTILL),
        ((zero(activation="sigmoid"), zero()), 0, IDENTICAL),
        ((Map(0.0, None, activation="tanh"), zero()), 1, MOVES),
        ((random(activation="relu"), zero()), 1, MOVES),
        ((Map(0.5, 0.0, activation="relu"), Map(0.5, 0.0)), 0, IDENTICAL),
        ((Map(0.5, 0.0, activation="relu"), random()), 0, MOVES),
        ((random(activation="some_new_unit"), zero()), 1, None),
    ],
)
def test_ten_steps(maps: tuple[Map, ...], index: int, outcome: str | None) -> None:
    assert prospects(maps, index) == outcome


def test_a_raw_gate_of_zero_on_a_branch_of_zeros() -> None:
    """ReZero's alpha: `x + alpha * branch(x)`."""
    alpha = layer(1, weight(write("zeros", 21), role="raw", shape=(1,)), kind="Parameter", name="Net.alpha")
    nodes = [
        Node("input"),
        Node("layer", (0,), layer=0),
        Node("activation", (1,), "relu"),
        Node("scale", (2,), "parameter", layer=1),
        Node("add", (0, 3)),
    ]
    edges = [Edge(DATA, 0, None), Edge(0, MERGE, None, ("activation", "scale"))]
    (match,) = found(context([layer(0, weight(write("zeros", 20))), alpha], edges, nodes=nodes))
    assert (match.code, match.place) == ("INI105", place(21))
    assert not told(context([layer(0), alpha], edges, nodes=nodes))


def test_queries_and_keys_that_are_both_zero() -> None:
    """Their product is the score: neither moves, whatever the values are."""
    names = ("q", "k", "v")
    layers = [layer(i, weight(write("zeros", 20 + i)), name=f"Net.{n}") for i, n in enumerate(names)]
    layers.append(layer(3, weight(write("zeros", 23)), bias(write("zeros", 24)), activations=("output",), name="Net.o"))
    nodes = [
        Node("input"),
        *(Node("layer", (0,), layer=i) for i in range(3)),
        Node("matmul", (1, 2)),
        Node("activation", (4,), "softmax"),
        Node("attention", (5, 3)),
        Node("layer", (6,), layer=3),
        Node("output", (7,)),
    ]
    edges = [*(Edge(DATA, i, None) for i in range(3)), *(Edge(i, ATTENTION, None) for i in range(3))]
    edges += [Edge(ATTENTION, 3, None), Edge(3, OUTPUT, None)]
    matches_ = found(context(layers, edges, nodes=nodes))
    assert [(m.code, m.place.span.start.line) for m in matches_] == [("INI105", 21), ("INI101", 23)]
    one = [layers[0], layer(1, name="Net.k"), layer(2, name="Net.v"), layers[3]]
    assert not told(context(one, edges, nodes=nodes))


@pytest.mark.parametrize("code", ["INI101", "INI102", "INI105"])
@pytest.mark.parametrize("path", ["tests/test_net.py", "net_test.py", "conftest.py", "tests/nets/plain.py"])
def test_weights_that_a_test_sets_by_hand_are_meant(code: str, path: str) -> None:
    assert not lint_source(RULES[code].bad, path).findings


@pytest.mark.parametrize("code", ["INI101", "INI102", "INI105"])
@pytest.mark.parametrize("path", ["net.py", "contest.py", "attests/net.py", "tests.py"])
def test_elsewhere_they_are_not(code: str, path: str) -> None:
    assert {finding.code for finding in lint_source(RULES[code].bad, path).findings} == {code}
