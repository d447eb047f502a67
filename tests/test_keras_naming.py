"""What is known of the names that Keras gives to layers and weights: the real Keras gives such names."""

from __future__ import annotations

import keras
import pytest

from initlint.interpret.partial_names import PartialName
from initlint.pipeline import lint_source

LAYERS = {"dense": keras.layers.Dense, "conv2d": keras.layers.Conv2D, "lstm": keras.layers.LSTM}
ASKED = [
    "dense",
    "conv",
    "conv2d",
    "lstm",
    "head",
    "dense_1",
    "d",
    "_",
    "kernel",
    "bias",
    "first",
    "",
    "1",
    "e_2",
    "2d_1",
]
SHARED = """\
import keras
from keras import layers

init = keras.initializers.HeNormal()
inputs = keras.Input((16,))
first = layers.Dense(8, kernel_initializer=init)(inputs)
second = layers.Dense(8, kernel_initializer=init)(inputs)
heads = [layers.Dense(3, kernel_initializer=init)(first) for _ in range(2)]
model = keras.Model(inputs, [first, second, *heads])
"""


@pytest.mark.parametrize("known", LAYERS)
def test_what_is_said_of_a_layer_is_true_of_those_that_keras_names(known: str) -> None:
    make = LAYERS[known]
    name = PartialName("", known=known, numbered=True)
    answers = set()
    for own in [make(4, 3).name if known == "conv2d" else make(4).name for _ in range(3)]:
        assert own.startswith(known)
        for part in ASKED:
            answers |= {name.holds(part), name.begins(part), name.equals(part)}
            assert name.holds(part) in (None, part in own)
            assert name.begins(part) in (None, own.startswith(part))
            assert name.ends(part) in (None, own.endswith(part))
            assert name.equals(part) in (None, own == part)
    assert answers == {True, False, None}


def test_what_is_said_of_a_weight_is_true_in_keras_3_and_of_the_names_of_tensorflow() -> None:
    layer = keras.layers.Dense(4)
    layer.build((None, 3))
    for weight in layer.weights:
        name = PartialName("", known=weight.name, numbered=False)
        for own in (weight.name, weight.path, f"{weight.path}:0"):
            for part in ASKED:
                assert name.holds(part) in (None, part in own)
                assert name.begins(part) in (None, own.startswith(part))
                assert name.equals(part) in (None, own == part)
        assert name.holds(weight.name)
        assert name.ends(weight.name)
        assert name.holds({"kernel": "bias", "bias": "kernel"}[weight.name]) is False


def test_layers_of_one_name_are_told_apart() -> None:
    messages = [finding.message for finding in lint_source(SHARED, "net.py").findings if finding.code == "INI103"]
    assert [message.partition(" share ")[0] for message in messages] == [
        "dense (line 6) and dense (line 7)",
        "dense and the next dense",
    ]


def test_keras_finds_what_is_registered_with_its_package_only() -> None:
    """As INI604 has it: a plain string is a name of Keras's own."""

    class Registered(keras.initializers.HeNormal):  # type: ignore[misc]
        pass

    keras.saving.register_keras_serializable(package="mine")(Registered)
    assert isinstance(keras.initializers.get("mine>Registered"), Registered)
    with pytest.raises(ValueError, match="Could not interpret"):
        keras.initializers.get("Registered")
