"""The fixtures in fixtures/keras tell the truth: the comments on their lines are what is inferred, and the real Keras,
which runs them, has the same initializers and fans."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import keras
import numpy as np
import pytest

from initlint import inspection, strengths
from initlint.graph import InitEvent, Weight
from initlint.inspection import Init, Row
from initlint.interpret import read
from initlint.interpret.keras_weights import fans_of
from initlint.interpret.project import Project
from initlint.knowledge import knowledge
from initlint.source import Source

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own, on NumPy 2
FIXTURES = Path(__file__).parents[1] / "fixtures" / "keras"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.py"))
# Needs what is not installed; calls not all that it defines; its weights are not what its layers were told.
READ_ONLY = {"tensorflow_imports", "quantized_layers", "first_version"}
READ_ONLY |= {"models_in_variables", "written_weights", "method_recursion"}
COMMENT = re.compile(r"# inspect: (.+?)(?: / (.+?))? -> (\S+)( norm\??)?\s*$")
CHOICES = ("kernel_initializer", "depthwise_initializer", "embeddings_initializer", "_kernel_initializer")


def rows(name: str) -> list[Row]:
    text = (FIXTURES / f"{name}.py").read_text(encoding="utf-8")
    model = read([Source(f"{name}.py", text)], Project(lambda _: None))
    assert not model.faults
    return [row for row in inspection.rows(model, [f"{name}.py"]) if row.site is None and not row.inside]


def shown(init: Init | None) -> str:
    if init is None:
        return "?"
    if not init.explicit:
        return "default"
    args = ", ".join(f"{key}={value}" for key, value in init.args)
    return f"{init.name}({args})" if args else init.name


def told(name: str) -> Iterator[tuple[int, str, str, str, str]]:
    for row in rows(name):
        norm = "" if row.norm_between is False else " norm" if row.norm_between else " norm?"
        recurrent = shown(row.recurrent) if row.is_recurrent else ""
        activations = "?" if row.activations is None else "|".join(row.activations) or "-"
        yield row.place.span.start.line, shown(row.init), recurrent, activations, norm if row.activations else ""


def commented(name: str) -> Iterator[tuple[int, str, str, str, str]]:
    text = (FIXTURES / f"{name}.py").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        found = COMMENT.search(line)
        if "inspect:" in line:
            assert found, line
            yield number, found[1], found[2] or "", found[3], found[4] or ""


@pytest.mark.parametrize("name", NAMES)
def test_the_comments_are_what_is_inferred(name: str) -> None:
    assert sorted(told(name)) == sorted(commented(name))


def test_a_model_that_says_what_comes_in_is_given_that_by_what_wraps_it() -> None:
    """A Sequential with an Input takes no other, as the real Keras says."""
    text = """
import keras
import tensorflow_model_optimization as tfmot

pruned = tfmot.sparsity.keras.prune_low_magnitude(
    keras.Sequential([keras.Input((32,)), keras.layers.Dense(64), keras.layers.Dense(10)])
)
"""
    model = read([Source("net.py", text)], Project(lambda _: None))
    assert [(row.fan_in, row.fan_out) for row in inspection.rows(model, ["net.py"])] == [(32, 64), (64, 10)]
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 32"):
        keras.Sequential([keras.Input((32,)), keras.layers.Dense(64)])(np.zeros((2, 31), "float32"))


# -- the real Keras -----------------------------------------------------------------------


def record(name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Any]]:
    """Run a fixture: each layer with the line that constructed it."""
    path = str(FIXTURES / f"{name}.py")
    made: list[tuple[int, Any]] = []
    original = keras.layers.Layer.__new__

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        layer = original(cls, *args, **kwargs)
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != path:
            frame = frame.f_back
        if frame is not None:
            made.append((frame.f_lineno, layer))
        return layer

    monkeypatch.setattr(keras.layers.Layer, "__new__", new)
    spec = importlib.util.spec_from_file_location(f"keras_fixture_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return made


def agrees(row: Row, layer: Any) -> bool:
    """Whether the inferred initializer is the layer's own: its class, and the arguments that ours has."""
    made = next((getattr(layer, c) for c in CHOICES if getattr(layer, c, None) is not None), None)
    assert row.init is not None
    if made is None:
        return row.init.name in ("xavier_uniform", "default")  # Keras's own choice for None
    known = knowledge().initializers
    base = next((c.__name__ for c in type(made).__mro__ if f"keras.initializers.{c.__name__}" in known), "")
    if not base:
        return row.init.explicit  # a function or class of the fixture: its law is in the comment
    spec = known[f"keras.initializers.{base}"]
    if not row.init.explicit:
        return spec.technique in ("xavier_uniform", "uniform")
    inferred = dict(row.init.args)
    stated = {p.name: getattr(made, p.spelled) for p in spec.parameters if p.name in inferred}
    return spec.technique == row.init.name and stated == inferred


def is_a(layer: Any, kind: str) -> bool:
    """Whether it is of this class, or of one of the fixture's that derives from it."""
    lineage = type(layer).__mro__
    return kind in [
        cls.__name__ for cls in (lineage if lineage[0].__module__.startswith("keras_fixture") else lineage[:1])
    ]


def fan_in(layer: Any) -> int | None:
    """Inputs of a unit, by the shape of the kernel that Keras built."""
    kind, cell = type(layer).__name__, getattr(layer, "cell", layer)
    kernel = getattr(cell, "kernel", None)
    if kernel is None or "Separable" in kind or kind == "EinsumDense":
        return None
    shape: tuple[int, ...] = tuple(kernel.shape)
    if "Depthwise" in kind:
        return math.prod(shape[:-2])
    if "Transpose" in kind:
        return math.prod(shape[:-2]) * shape[-1]
    return math.prod(shape[:-1])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in READ_ONLY])
def test_keras_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every layer that Keras built on a line of the fixture: the initializer, and fan_in where one is inferred."""
    layers = record(name, monkeypatch)
    asked = 0
    for row in rows(name):
        if row.layer == "Parameter":
            continue
        first, last = row.place.span.start.line, row.place.span.end.line
        here = [made for line, made in layers if first <= line <= last and is_a(made, row.layer)]
        assert here, f"no {row.layer} was made on line {first}"
        assert all(agrees(row, layer) for layer in here), (name, first)
        found = {fan_in(layer) for layer in here} - {None}
        if row.fan_in is not None and found and row.layer != "Embedding":
            assert found == {row.fan_in}, (name, first)
        asked += 1
    assert asked or name == "tensorflow_imports"


def test_weights_that_are_written_have_the_values_that_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {line: layer for line, layer in record("written_weights", monkeypatch) if hasattr(layer, "kernel")}
    for row in rows("written_weights"):
        kernel = np.asarray(made[row.place.span.start.line].kernel)
        assert row.init is not None
        event = InitEvent(row.init.name, row.init.args, None)
        weight = Weight("kernel", "kernel", kernel.shape, ((event,),), True, row.place)
        law = strengths.law(replace(weight, fans=fans_of(kernel.shape), default="xavier_uniform"), event)
        assert law is not None
        assert kernel.std() == pytest.approx(law.std(*fans_of(kernel.shape)), rel=0.25, abs=1e-6)
        assert kernel.mean() == pytest.approx(law.mean, abs=0.2 * float(kernel.std()) + 1e-6)


COPY = """import keras
from keras import layers


def cloned(initializer):
    return initializer.__class__.from_config(initializer.get_config())


small = keras.initializers.RandomNormal(stddev=0.02)
model = keras.Sequential([keras.Input((8,)), layers.Dense(8, kernel_initializer={copy}), layers.Dense(2)])
"""


@pytest.mark.parametrize("copy", ["cloned(small)", "small.clone()", "cloned(cloned(small))"])
def test_a_copy_of_an_initializer_is_said_to_be_where_its_original_is(copy: str) -> None:
    model = read([Source("net.py", COPY.format(copy=copy))], Project(lambda _: None))
    first, _ = inspection.rows(model, ["net.py"])
    assert first.init is not None
    assert first.init.at is not None
    assert (first.init.name, first.init.at.span.start.line) == ("normal", 9)


SERVED = """import keras

board = keras.Input((4,))
model = keras.Model(board, keras.layers.Dense(3)(keras.layers.Dense(8, activation="relu")(board)))


def answer(warm, position):
    if warm:
        model.predict(position)
    return model(keras.layers.Dense(4)(position))
"""


def test_a_model_of_the_script_is_the_same_on_all_ways_through_a_function() -> None:
    """Its steps are brought into the function's graph on one way, and are to be there on the others."""
    model = read([Source("net.py", SERVED)], Project(lambda _: None))
    assert not model.faults
    assert [row.activations for row in inspection.rows(model, ["net.py"])] == [("output",), ("relu",), ("linear",)]
