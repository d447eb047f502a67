"""Two layers that one initializer object made equal are alike after ten steps of training, and apart once that is
fixed: by the model's own simulation, and by Keras, which trains the same code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lintable import text_of
from mended import golden

from initlint import effects, proof
from initlint.chains import Flow
from initlint.findings import Declined, Fix
from initlint.graph import Layer, Weight
from initlint.pipeline import lint_source, study_source
from initlint.sharing import sharings
from initlint.symmetry import Map
from initlint.twins import ALIKE, APART, HALF, Twins, likeness, twins_of

FIXTURES = ("INI103/fires_branches", "INI103/fires_twin_critics", "INI103/fires_seeded")
HEAD = """\
import keras
from keras import layers

init = keras.initializers.HeNormal()
inputs = keras.Input((16,))
"""
SHARED, OWN = "kernel_initializer=init", 'kernel_initializer="he_normal"'
ENDS = {
    "concatenated": "x = layers.Concatenate()([a, b])\n",
    "added": "x = layers.Add()([a, b])\n",
    "multiplied": "x = layers.Multiply()([a, b])\n",
}
BRANCHES = """\
a = layers.Dense(16, activation="relu", kernel_initializer=init, name="a")(inputs)
b = layers.Dense(16, activation="relu", kernel_initializer=init, name="b")(inputs)
"""
NETWORKS = {
    **{name: f"{HEAD}{BRANCHES}{end}model = keras.Model(inputs, layers.Dense(1)(x))\n" for name, end in ENDS.items()},
    "two outputs": f"{HEAD}{BRANCHES}model = keras.Model(inputs, [layers.Dense(1)(a), layers.Dense(1)(b)])\n",
    "alone": f"{HEAD}{BRANCHES}model = keras.Model(inputs, [a, b])\n",
    "stacked": f"""{HEAD}\
x = layers.Dense(16, activation="relu", {SHARED}, name="a")(inputs)
x = layers.Dense(16, activation="tanh", {SHARED}, name="b")(x)
model = keras.Model(inputs, layers.Dense(1)(x))
""",
    "stacked, with one between": f"""{HEAD}\
x = layers.Dense(16, activation="relu", {SHARED}, name="a")(inputs)
x = layers.Dense(16, activation="relu")(x)
x = layers.Dense(16, activation="tanh", {SHARED}, name="b")(x)
model = keras.Model(inputs, layers.Dense(1)(x))
""",
}


def kernels(text: str) -> Iterator[tuple[Flow, tuple[Layer, Weight], tuple[Layer, Weight]]]:
    """Pairs of kernels that one object wrote."""
    for flow in (Flow(context) for model in study_source(text, "net.py")[1] for context in model.contexts):
        for one in sharings(flow):
            own = next(weight for weight in one.first.weights if weight.shape == one.weight.shape)
            yield flow, (one.first, own), (one.second, one.weight)


def outcome(flow: Flow, one: tuple[Layer, Weight], other: tuple[Layer, Weight]) -> str | None:
    twins = twins_of(flow, one, other)
    return None if twins is None else likeness(twins)


def named(text: str) -> tuple[Flow, tuple[Layer, Weight], tuple[Layer, Weight]]:
    """The layers of the assignments that the tests call a and b: the first and the last of their width."""
    (flow,) = (Flow(context) for model in study_source(text, "net.py")[1] for context in model.contexts)
    wide = [layer for layer in flow.context.layers if layer.fan_out == 16 and layer.kernel is not None]
    first, *_, last = sorted(wide, key=lambda layer: layer.serial)
    assert first.kernel is not None
    assert last.kernel is not None
    return flow, (first, first.kernel), (last, last.kernel)


@pytest.fixture
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    found = pytest.importorskip("keras")
    found.utils.set_random_seed(1)
    return found


def distance(text: str, keras: Any) -> float:
    """Of a's weights from b's after ten steps, as a share of what independent ones have."""
    names: dict[str, Any] = {}
    exec(compile(text, "net.py", "exec"), names)  # noqa: S102
    model = names["model"]
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    data = keras.random.normal((32, 16))
    targets = [keras.random.normal((32, output.shape[-1])) for output in model.outputs]
    for _ in range(10):
        model.train_on_batch(data, targets if len(targets) > 1 else targets[0])
    a, b = (model.get_layer(name).kernel.value.detach().numpy() for name in "ab")
    return float(((a - b) ** 2).sum() / ((a**2).sum() + (b**2).sum()))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_simulation_is_what_keras_does(name: str, keras: Any) -> None:
    for text, expected in ((NETWORKS[name], ALIKE), (NETWORKS[name].replace(SHARED, OWN), APART)):
        assert outcome(*named(text)) == expected
        assert (distance(text, keras) > HALF) == (expected == APART)


@pytest.mark.parametrize("name", FIXTURES)
def test_what_is_found_is_alike_in_training_and_apart_once_fixed(name: str) -> None:
    fixed = golden(name).read_text(encoding="utf-8")
    (flows, after) = (list(kernels(text_of(name))), [Flow(c) for m in study_source(fixed, name)[1] for c in m.contexts])
    assert flows
    for flow, one, other in flows:
        assert outcome(flow, one, other) == ALIKE
        again = next(f for f in after if f.context.entry == flow.context.entry)
        pairs = [_same(again, layer, weight) for layer, weight in (one, other)]
        assert outcome(again, *pairs) == APART


def test_keras_draws_other_values_for_each_layer_once_the_seed_is_a_generator(keras: Any) -> None:
    fixed = golden("INI103/fires_seeded").read_text(encoding="utf-8")
    for text, alike in ((text_of("INI103/fires_seeded"), True), (fixed, False)):
        names: dict[str, Any] = {}
        exec(compile(text, "net.py", "exec"), names)  # noqa: S102
        twins = names["Twins"]()
        twins(keras.ops.ones((1, 16)))
        kernels = [one.value.detach().numpy() for model in (names["build"](), twins) for one in model.weights]
        same = [
            bool((one == other).all())
            for i, one in enumerate(kernels)
            for other in kernels[:i]
            if one.ndim == 2 and one.shape == other.shape and one.shape[1] != 1
        ]
        assert any(same) == alike


def _same(flow: Flow, layer: Layer, weight: Weight) -> tuple[Layer, Weight]:
    found = flow.context.layers[layer.index]
    own = found.weight(weight.name)
    assert own is not None
    return found, own


def test_a_fix_after_which_training_leaves_both_alike_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = NETWORKS["two outputs"]
    (finding,) = (one for one in lint_source(text, "net.py", fixes=True).findings if one.code == "INI103")
    assert isinstance(finding.fix, Fix)
    monkeypatch.setattr(effects, "likeness", lambda _: ALIKE)
    (finding,) = (one for one in lint_source(text, "net.py", fixes=True).findings if one.code == "INI103")
    assert finding.fix == Declined(proof.WHY)


def drawn(maker: int = 0, **extra: Any) -> Map:
    return Map(None, 0.0, activation="relu", maker=maker, **extra)


def test_what_is_not_known_is_no_answer() -> None:
    pair = Twins((drawn(1),), (drawn(1),))
    assert likeness(pair) == ALIKE
    assert likeness(pair._replace(first=(drawn(1, units=4),))) is None
    assert likeness(pair._replace(second=(drawn(1)._replace(activation="some_new_unit"),))) is None
    flow, one, other = named(NETWORKS["alone"])
    assert twins_of(flow, one, (other[0], replace(other[1], name="bias"))) is None
