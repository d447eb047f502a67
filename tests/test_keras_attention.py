"""The layers that Keras's attention layers consist of have rows of their own: the real Keras has the same parts, with
these fans and initializers."""

from __future__ import annotations

import math
from typing import Any

import keras
import pytest

from initlint import inspection
from initlint.inspection import Row
from initlint.interpret import read
from initlint.interpret.project import Project
from initlint.source import Source

CALLS = [
    "layers.MultiHeadAttention(4, 16, kernel_initializer='he_normal')(x, x)",
    "layers.MultiHeadAttention(num_heads=2, key_dim=8, value_dim=12, output_shape=20)(x, y)",
    "layers.MultiHeadAttention(4, 16, use_bias=False)(x, value=y, key=z)",
    "layers.MultiHeadAttention(2, 8, use_gate=True, kernel_initializer='orthogonal')(x, y)",
    "layers.GroupQueryAttention(8, 4, 2)(x, x)",
    "layers.GroupQueryAttention(8, 4, 2, use_gate=True)(x, x)",
]
TEXT = """from keras import Input, Model, layers

x, y, z = Input((10, 32)), Input((7, 48)), Input((7, 24))
made = {call}
model = Model([x, y, z], layers.Dense(3)(made))
"""


def parts(text: str) -> list[Row]:
    model = read([Source("net.py", text)], Project(lambda _: None))
    assert not model.faults
    return [row for row in inspection.rows(model, ["net.py"]) if row.inside]


def built(text: str) -> Any:
    space: dict[str, Any] = {}
    exec(compile(text, "net.py", "exec"), space)  # noqa: S102
    return next(layer for layer in space["model"].layers if "attention" in layer.name)


@pytest.mark.parametrize("call", CALLS)
def test_the_parts_are_those_of_keras(call: str) -> None:
    text = TEXT.format(call=call)
    layer, rows = built(text), parts(text)
    own = {part.name: part for part in layer._flatten_layers() if isinstance(part, keras.layers.EinsumDense)}
    told = {row.name.rpartition(".")[2]: row for row in rows}
    assert told.keys() == own.keys()
    for name, row in told.items():
        part = own[name]
        assert row.layer == type(part).__name__
        inputs, units = part.equation.partition("->")[0].split(",")[0], part.equation.rpartition("->")[2]
        sizes = dict(zip(part.equation.partition("->")[0].split(",")[1], part.kernel.shape, strict=True))
        assert row.fan_in == math.prod(size for axis, size in sizes.items() if axis in inputs and axis not in units)
        assert row.fan_out == math.prod(size for axis, size in sizes.items() if axis in units)
        assert row.init is not None
        assert row.init.explicit == (not isinstance(part.kernel_initializer, keras.initializers.GlorotUniform))
        if name == "gate":
            assert row.activations == ("sigmoid",)
            assert part.activation is keras.activations.sigmoid
        else:
            assert row.activations == (("linear",) if name == "attention_output" else ("attention",))


def test_a_width_that_is_not_known_is_not_told() -> None:
    text = TEXT.format(call="layers.MultiHeadAttention(2, 8)(x, x)").replace("32", "int(open('width').read())")
    assert [(row.name.rpartition(".")[2], row.fan_in, row.fan_out) for row in parts(text)] == [
        ("query", None, 16),
        ("key", None, 16),
        ("value", None, 16),
        ("attention_output", 16, None),
    ]
