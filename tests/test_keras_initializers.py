"""Witness: the spellings of rules/techniques.toml that are Keras's, and their laws, are asked of the real Keras."""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.initializers import ALL_OBJECTS_DICT
from lintable import told

from initlint.interpret.initializer_names import KERAS_OTHERS
from initlint.interpret.keras_weights import fans_of
from initlint.knowledge import InitializerSpec, canonical, knowledge, law_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own, on NumPy 2
PREFIX = "keras.initializers."
ALL = knowledge().initializers
SPELLINGS = {q.removeprefix(PREFIX): spec for q, spec in knowledge().initializers.items() if q.startswith(PREFIX)}
SHAPES = [(64, 96), (3, 3, 16, 48), (3, 3, 48, 16), (5, 40, 60)]
OTHERS: dict[str, list[dict[str, Any]]] = {  # arguments beside the defaults
    "constant": [{"value": 0.3}],
    "normal": [{"mean": 1.0, "stddev": 0.2}],
    "uniform": [{"minval": -1.0, "maxval": 3.0}],
    "trunc_normal": [{"mean": 1.0, "stddev": 0.2}],
    "orthogonal": [{"gain": 2.0}],
    "variance_scaling": [
        {"scale": scale, "mode": mode, "distribution": distribution}
        for scale in (0.5, 2.0)
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("normal", "uniform", "truncated_normal", "untruncated_normal")
    ],
}


def drawn(spec: InitializerSpec, given: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    keras.utils.set_random_seed(0)
    values = np.concatenate([np.ravel(keras.initializers.get(name_of(spec, given))(shape)) for _ in range(8)])
    return np.asarray(values, dtype=np.float64)


def name_of(spec: InitializerSpec, given: dict[str, Any]) -> dict[str, Any]:
    """A configuration: every draw is of a new object, for one object draws the same values again."""
    return {"class_name": spec.qualified.removeprefix(PREFIX), "config": given}


def test_every_name_that_keras_gets_is_known() -> None:
    """All strings that `initializers.get` takes, but for the abstract class and the one that fills filter banks."""
    assert set(ALL_OBJECTS_DICT) - set(SPELLINGS) == {"Initializer", "initializer", "STFT", "stft", "STFTInitializer"}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_name_is_what_its_row_says(name: str) -> None:
    """It exists as a string, and the signature is the row's."""
    spec = SPELLINGS[name]
    theirs = list(inspect.signature(ALL_OBJECTS_DICT[name].__init__).parameters.values())[1:]
    theirs = [p for p in theirs if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    assert [p.spelled for p in spec.parameters] == [p.name for p in theirs]
    assert [p.default for p in spec.parameters] == [p.default for p in theirs]


ONCE = {spec.technique: spec for name, spec in SPELLINGS.items() if name[0].isupper() and "Initializer" not in name}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("technique", ONCE)
def test_the_law_is_that_of_the_values(technique: str, shape: tuple[int, ...]) -> None:
    """Mean and standard deviation as drawn, for fans as Keras computes them, within five standard errors."""
    spec = ONCE[technique]
    if technique == "identity" and len(shape) > 2:
        pytest.skip("matrices only")
    fan_in, fan_out, positions = fans_of(shape)
    first = {"value": 0.0} if technique == "constant" else {}  # Keras's Constant is not made from an empty one
    for given in (first, *OTHERS.get(technique, ())):
        named = {p.name: given.get(p.spelled, p.default) for p in spec.parameters}
        law = law_of(spec.law, {k: v for k, v in named.items() if v is not None})
        assert law is not None
        values = drawn(spec, given, shape)
        std = law.std(fan_in, fan_out, positions)
        assert std is not None
        error = 5 / math.sqrt(values.size)
        if technique == "orthogonal":  # the longer side of the matrix that the last axis closes
            rows = math.prod(shape[:-1])
            std = math.sqrt(law.scale / max(rows, shape[-1]))
        if technique == "identity":  # no chance in it: the law is its mean square
            assert math.sqrt((values**2).mean()) == pytest.approx(std, rel=error)
            continue
        assert values.mean() == pytest.approx(law.mean, abs=error * std + 1e-6)
        assert values.std() == pytest.approx(std, rel=error + 1e-6)


def test_a_truncated_normal_is_smaller_than_asked_and_variance_scaling_makes_up_for_it() -> None:
    factor = 0.87962566103423978
    plain = law_of("trunc_normal_tf", {"mean": 0.0, "std": 1.0})
    assert plain is not None
    assert plain.std(None, None) == pytest.approx(factor)
    assert drawn(ONCE["trunc_normal"], {"stddev": 1.0}, (200, 200)).std() == pytest.approx(factor, rel=0.01)
    assert drawn(ONCE["kaiming_normal"], {}, (200, 200)).std() == pytest.approx(0.1, rel=0.01)


def test_one_object_draws_the_same_values_again() -> None:
    """Seeded or not; a new object, a string, a clone of an unseeded one and a seed generator do not."""
    for seed in (None, 3):
        made = keras.initializers.HeNormal(seed=seed)
        assert np.array_equal(np.asarray(made((4, 4))), np.asarray(made((4, 4))))
    made = keras.initializers.HeNormal()
    assert not np.array_equal(np.asarray(made((4, 4))), np.asarray(made.clone()((4, 4))))
    moving = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(1))
    assert not np.array_equal(np.asarray(moving((4, 4))), np.asarray(moving((4, 4))))


def test_layers_that_share_an_object_are_equal_and_attention_clones_it() -> None:
    made = keras.initializers.GlorotUniform()
    first, second = (keras.layers.Dense(4, kernel_initializer=made) for _ in range(2))
    first.build((None, 4))
    second.build((None, 4))
    assert np.array_equal(np.asarray(first.kernel), np.asarray(second.kernel))
    attention = keras.layers.MultiHeadAttention(2, 2, kernel_initializer=made)
    attention.build((None, 3, 4), (None, 3, 4))
    query, key = attention.query_dense.kernel, attention.key_dense.kernel
    assert not np.array_equal(np.asarray(query), np.asarray(key))


TF_KERAS = sorted(name for name in vars(keras._tf_keras.keras.initializers) if not name.startswith("_"))


def test_the_namespace_for_tensorflow_has_the_same_names() -> None:
    """`tf.keras.initializers` is `keras._tf_keras.keras.initializers`: the same objects by the same names, all of them
    known to the tables or to the check of names."""
    theirs, ours = vars(keras._tf_keras.keras.initializers), vars(keras.initializers)
    assert all(theirs[name] is ours[name] for name in TF_KERAS)
    assert {name for name in TF_KERAS if canonical(f"tensorflow.keras.initializers.{name}") not in ALL} == KERAS_OTHERS


@pytest.mark.parametrize("start", ["tensorflow.keras", "keras._tf_keras.keras", "tf_keras", "keras"])
def test_only_names_that_are_not_there_are_told(start: str) -> None:
    text = f"from {start} import initializers\nfrom {start}.initializers import {', '.join(TF_KERAS)}\n"
    text += "".join(f"initializers.{name}\n" for name in TF_KERAS)
    assert told(text) == set()
    wrong = f"from {start} import initializers\n\nkernel = initializers.TruncatedNormall(stddev=0.1)\n"
    assert told(wrong) == {(3, "INI604")}
