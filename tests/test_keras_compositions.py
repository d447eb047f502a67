"""Activations that Keras code composes: lambdas, Lambda layers, functions, its own layers; the real Keras agrees."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from initlint.inspection import Row
from initlint.pipeline import inspect_source

FRAME = """
import keras
import tensorflow as tf
from keras import layers, ops

{before}
inputs = keras.Input((64,))
x = layers.Dense(64, name="fc"{argument})(inputs)
{line}
model = keras.Model(inputs, layers.Dense(10)(x))
"""
SWISH = """
class Swish(layers.Layer):
    def build(self, shape):
        self.beta = self.add_weight(name="beta", shape=(1,), initializer=keras.initializers.Constant(1.702))

    def call(self, x):
        return x * ops.sigmoid(self.beta * x)
"""
QUICK = "def quick(x):\n    return x * ops.sigmoid(1.702 * x)"


def row(line: str = "pass", argument: str = "", before: str = "") -> Row:
    text = FRAME.format(line=line, argument=argument, before=before)
    return next(one for one in inspect_source(text, "net.py", debug=True).rows if one.name.endswith("fc"))


@pytest.mark.parametrize(
    "line, argument, before",
    [
        ("pass", ", activation=lambda x: x * ops.sigmoid(1.702 * x)", ""),
        ("pass", ", activation=quick", QUICK),
        ("x = layers.Activation(quick)(x)", "", QUICK),
        ("x = layers.Lambda(lambda t: t * ops.sigmoid(1.702 * t))(x)", "", ""),
        ("x = layers.Lambda(quick)(x)", "", QUICK),
        ("x = layers.Lambda(lambda t: t * tf.nn.sigmoid(1.702 * t))(x)", "", ""),
        ("x = Swish()(x)", "", SWISH),
        ("x = x * ops.sigmoid(1.702 * x)", "", ""),
    ],
)
def test_every_form_is_computed(line: str, argument: str, before: str) -> None:
    (one,) = row(line, argument, before).composed
    assert one.text == "x * sigmoid(1.702 * x)"
    assert f"{one.gain:.2f}" == "1.54"


def test_a_layer_with_a_number_that_it_learns_does_what_keras_does() -> None:
    scope: dict[str, Any] = {"keras": keras, "layers": layers, "ops": ops}
    exec(SWISH, scope)  # noqa: S102 - our own text, run by the real Keras
    data = np.random.default_rng(0).standard_normal((20_000, 64))
    sampled = ops.mean(ops.square(scope["Swish"]()(data))).item()
    assert row("x = Swish()(x)", before=SWISH).composed[0].second_moment == pytest.approx(sampled, rel=0.01)


@pytest.mark.parametrize(
    "formula",
    [
        "ops.where(x > 0, x, 0.3 * (ops.exp(x) - 1))",
        "ops.maximum(ops.tanh(x), 0.5 * x)",
        "ops.minimum(x, 1.0) - 0.5 * x",
        "ops.tanh(x) + 0.1 * x",
        "x * ops.log(1 + ops.abs(x))",
        "x * ops.clip(x, -0.5, 2.0)",
        "ops.softplus(x) * ops.sigmoid(x)",
    ],
)
def test_the_second_moment_is_what_keras_samples(formula: str) -> None:
    (one,) = row(f"x = {formula}").composed
    x = ops.convert_to_tensor(np.random.default_rng(1).standard_normal(1_000_000))
    sampled = ops.mean(ops.square(eval(formula, {"x": x, "ops": ops}))).item()  # noqa: S307
    assert one.second_moment == pytest.approx(sampled, rel=0.01)


@pytest.mark.parametrize(
    "formula, name",
    [
        ("ops.where(x > 0, x, 0.2 * x)", "leaky_relu"),
        ("tf.where(x > 0, x, 0.2 * x)", "leaky_relu"),
        ("ops.maximum(x, 0.2 * x)", "leaky_relu"),
        ("ops.maximum(x, 0.0)", "relu"),
        ("tf.maximum(0.0, x)", "relu"),
        ("ops.clip(x, 0, 6)", "relu6"),
        ("layers.maximum([x, 0.2 * x])", "leaky_relu"),
        ("layers.Maximum()([x, 0.2 * x])", "leaky_relu"),
        ("ops.cast(x > 0, 'float32') * x", "relu"),
        ("tf.cast(x > 0, tf.float32) * x", "relu"),
        ("tf.clip_by_value(x, 0.0, 6.0)", "relu6"),
        ("x * ops.sigmoid(x)", "silu"),
        ("x * tf.math.tanh(tf.math.softplus(x))", "mish"),
    ],
)
def test_what_equals_a_known_activation_is_named_so(formula: str, name: str) -> None:
    assert row(f"x = {formula}").activations == (name,)


@pytest.mark.parametrize(
    "formula",
    [
        "ops.maximum(x, layers.Dense(64)(x))",
        "layers.maximum([x, layers.Dense(64)(x)])",
        "ops.max(x, 1, keepdims=True) + x",
    ],
)
def test_what_looks_at_other_entries_is_no_activation(formula: str) -> None:
    assert not row(f"x = {formula}").composed


REGISTERED = [
    ("quick", f'{QUICK}\nkeras.utils.get_custom_objects()["quick"] = quick'),
    ("fast", f'{QUICK}\nkeras.saving.get_custom_objects().update({{"fast": quick}})'),
    ("mine>quick", f'@keras.saving.register_keras_serializable(package="mine")\n{QUICK}'),
    ("Custom>other", f'@keras.utils.register_keras_serializable(name="other")\n{QUICK}'),
    ("scoped", f'{QUICK}\nkeras.utils.custom_object_scope({{"scoped": quick}}).__enter__()'),
    ("layered", f'{SWISH}\nkeras.utils.get_custom_objects()["layered"] = Swish()'),
]


@pytest.mark.parametrize("name, before", REGISTERED, ids=[name for name, _ in REGISTERED])
def test_a_name_that_the_project_gave_to_an_activation_means_what_keras_takes_it_for(name: str, before: str) -> None:
    """Where a layer is given a string, Keras 2 asks this registry; Keras 3 only for what stands in a configuration."""
    for line, argument in (("pass", f", activation={name!r}"), (f"x = layers.Activation({name!r})(x)", "")):
        (one,) = row(line, argument, before).composed
        assert one.text == "x * sigmoid(1.702 * x)"
    kept = dict(keras.utils.get_custom_objects())
    try:
        exec(before, {"keras": keras, "layers": layers, "ops": ops})  # noqa: S102 - our own text, run by the real Keras
        x = ops.convert_to_tensor(np.linspace(-4, 4, 64, dtype="float32")[None])
        found = keras.saving.get_registered_object(name)
        assert ops.max(ops.abs(found(x) - x * ops.sigmoid(1.702 * x))).item() < 1e-5
    finally:
        keras.utils.get_custom_objects().clear()
        keras.utils.get_custom_objects().update(kept)


def test_a_scope_gives_names_to_what_is_made_in_it() -> None:
    line = 'with keras.utils.custom_object_scope({"scoped": quick}):\n    x = layers.Activation("scoped")(x)'
    (one,) = row(line, before=QUICK).composed
    assert one.text == "x * sigmoid(1.702 * x)"


def test_a_name_that_nobody_gave_stays_unknown() -> None:
    assert row(argument=", activation='quick'", before=QUICK).activations is None
