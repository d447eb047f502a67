"""Witness: every row of rules/layers/keras.toml is asked of the real Keras: signature, weights, fans, initializers."""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras
import pytest

from initlint import expressions
from initlint.interpret.keras_layers import einsum_sizes
from initlint.interpret.keras_shapes import output_of
from initlint.interpret.keras_weights import fans_of
from initlint.interpret.tensors import Tensor
from initlint.knowledge import REQUIRED, LayerSpec, canonical, knowledge, law_of
from initlint.sizes import expand_weights, size, sizes

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own, on NumPy 2
canonical("keras.layers")  # the tables are read when a name of the package turns up
KNOWN = knowledge()
ROWS = {q: spec for q, spec in KNOWN.layers.items() if q.startswith("keras.layers.")}
OLD = {"CuDNNLSTM", "CuDNNGRU", "ThresholdedReLU"}  # of Keras 2
LATER = {"GroupQueryAttention"}  # exported by another name

# Arguments and input shapes with which each kind is built.
BUILDS: dict[str, list[tuple[dict[str, Any], Any]]] = {
    "Dense": [({"units": 5}, (None, 3)), ({"units": 5, "use_bias": False}, (None, 7, 3))],
    "EinsumDense": [
        ({"equation": "abc,cde->abde", "output_shape": (None, 2, 6), "bias_axes": "de"}, (None, 9, 4)),
        ({"equation": "abc,cd->abd", "output_shape": (None, 8)}, (None, 9, 4)),
        ({"equation": "abcd,cde->abe", "output_shape": (None, 5), "bias_axes": "e"}, (None, 9, 2, 3)),
    ],
    "Conv1D": [({"filters": 6, "kernel_size": 3, "groups": 2}, (None, 9, 4))],
    "Conv2D": [
        ({"filters": 6, "kernel_size": (3, 2), "strides": 2}, (None, 9, 8, 4)),
        ({"filters": 8, "kernel_size": 3, "groups": 4, "padding": "same"}, (None, 9, 9, 4)),
        ({"filters": 6, "kernel_size": 3, "dilation_rate": 2}, (None, 9, 9, 4)),
    ],
    "Conv3D": [({"filters": 6, "kernel_size": 2}, (None, 5, 5, 5, 4))],
    "Conv1DTranspose": [({"filters": 6, "kernel_size": 3, "strides": 2}, (None, 9, 4))],
    "Conv2DTranspose": [({"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same"}, (None, 9, 9, 4))],
    "Conv3DTranspose": [({"filters": 6, "kernel_size": 3}, (None, 5, 5, 5, 4))],
    "DepthwiseConv1D": [({"kernel_size": 3, "depth_multiplier": 2}, (None, 9, 4))],
    "DepthwiseConv2D": [({"kernel_size": 3, "padding": "same"}, (None, 9, 9, 4))],
    "SeparableConv1D": [({"filters": 6, "kernel_size": 3, "depth_multiplier": 2}, (None, 9, 4))],
    "SeparableConv2D": [({"filters": 6, "kernel_size": 3}, (None, 9, 9, 4))],
    "Embedding": [({"input_dim": 11, "output_dim": 4}, (None, 9))],
    "ReversibleEmbedding": [({"input_dim": 11, "output_dim": 4, "tie_weights": False}, (None, 9))],
    "SimpleRNN": [({"units": 5}, (None, 9, 4))],
    "LSTM": [({"units": 5}, (None, 9, 4)), ({"units": 5, "return_sequences": True}, (None, 9, 4))],
    "GRU": [({"units": 5}, (None, 9, 4)), ({"units": 5, "reset_after": False}, (None, 9, 4))],
    "SimpleRNNCell": [({"units": 5}, (None, 4))],
    "LSTMCell": [({"units": 5}, (None, 4))],
    "GRUCell": [({"units": 5}, (None, 4))],
    "ConvLSTM1D": [({"filters": 5, "kernel_size": 3}, (None, 3, 9, 4))],
    "ConvLSTM2D": [({"filters": 5, "kernel_size": 3}, (None, 3, 9, 9, 4))],
    "ConvLSTM3D": [({"filters": 5, "kernel_size": 3}, (None, 3, 5, 5, 5, 4))],
    "MultiHeadAttention": [
        ({"num_heads": 2, "key_dim": 5}, [(None, 9, 4), (None, 9, 4)]),
        ({"num_heads": 2, "key_dim": 5, "value_dim": 6, "use_gate": True}, [(None, 9, 4), (None, 8, 3)]),
        ({"num_heads": 2, "key_dim": 5, "output_shape": 7, "use_bias": False}, [(None, 9, 4), (None, 8, 3)]),
    ],
    "GroupQueryAttention": [
        ({"head_dim": 5, "num_query_heads": 4, "num_key_value_heads": 2}, [(None, 9, 4), (None, 8, 4)])
    ],
    "BatchNormalization": [({}, (None, 9, 4)), ({"scale": False}, (None, 9, 4))],
    "LayerNormalization": [({}, (None, 9, 4)), ({"center": False}, (None, 9, 4))],
    "GroupNormalization": [({"groups": 2}, (None, 9, 4))],
    "RMSNormalization": [({}, (None, 9, 4))],
    "PReLU": [({}, (None, 4))],
}
# What needs arguments only to say what it does to a shape.
SHAPES: dict[str, list[tuple[dict[str, Any], Any]]] = {
    "Flatten": [({}, (None, 3, 4, 5))],
    "Reshape": [({"target_shape": (6, -1)}, (None, 3, 4, 5)), ({"target_shape": (60,)}, (None, 3, 4, 5))],
    "Permute": [({"dims": (2, 1)}, (None, 3, 4))],
    "RepeatVector": [({"n": 6}, (None, 4))],
    "ZeroPadding1D": [({"padding": (1, 2)}, (None, 9, 4))],
    "ZeroPadding2D": [({"padding": ((1, 2), (0, 3))}, (None, 9, 8, 4)), ({"padding": 2}, (None, 9, 8, 4))],
    "Cropping1D": [({"cropping": (1, 2)}, (None, 9, 4))],
    "Cropping2D": [({"cropping": ((1, 2), (0, 3))}, (None, 9, 8, 4))],
    "UpSampling1D": [({"size": 3}, (None, 9, 4))],
    "UpSampling2D": [({"size": (2, 3)}, (None, 9, 8, 4))],
    "MaxPooling2D": [({}, (None, 9, 8, 4)), ({"pool_size": 3, "strides": 2, "padding": "same"}, (None, 9, 8, 4))],
    "AveragePooling1D": [({"pool_size": 2}, (None, 9, 4))],
    "GlobalAveragePooling2D": [({}, (None, 9, 8, 4)), ({"keepdims": True}, (None, 9, 8, 4))],
    "GlobalMaxPooling1D": [({}, (None, 9, 4))],
    "AdaptiveAveragePooling2D": [({"output_size": 3}, (None, 9, 8, 4))],
    "Resizing": [({"height": 5, "width": 6}, (None, 9, 8, 4))],
    "CenterCrop": [({"height": 5, "width": 6}, (None, 9, 8, 4))],
    "Dropout": [({"rate": 0.5}, (None, 9, 4))],
    "AlphaDropout": [({"rate": 0.5}, (None, 9, 4))],
    "LeakyReLU": [({}, (None, 9, 4))],
    "Activation": [({"activation": "relu"}, (None, 9, 4))],
    "Rescaling": [({"scale": 2.0}, (None, 9, 4))],
}
FIRST = [(kind, *build) for kind, builds in BUILDS.items() for build in builds]


def theirs(kind: str) -> Any:
    return getattr(keras.layers, kind)


def arguments(spec: LayerSpec, given: dict[str, Any], shape: Any) -> dict[str, Any]:
    """The constructor's arguments with what a call adds: the channels of the inputs."""
    found = {p.name: p.default for p in spec.parameters if p.kind in ("ordinary", "keyword")} | given
    if spec.rank:
        for name in ("kernel_size", "strides", "dilation_rate", "pool_size"):
            if isinstance(found.get(name), int):
                found[name] = (found[name],) * spec.rank
    shapes = shape if isinstance(shape, list) else [shape]
    found["channels"] = shapes[0][-1]
    found["value_channels"] = found["key_channels"] = shapes[-1][-1]
    if spec.kind == "EinsumDense":
        found |= einsum_sizes(found, shapes[0])
    return found


def built(kind: str, given: dict[str, Any], shape: Any) -> Any:
    layer = theirs(kind)(**given)
    layer.build(*shape) if isinstance(shape, list) else layer.build(shape)
    return layer


@pytest.mark.parametrize("qualified", ROWS)
def test_signature(qualified: str) -> None:
    """The constructor's parameters, with their defaults."""
    spec = ROWS[qualified]
    if spec.kind in OLD:
        assert not hasattr(keras.layers, spec.kind)
        return
    parameters = list(inspect.signature(theirs(spec.kind).__init__).parameters.values())[1:]
    assert [p.name for p in spec.parameters] == [p.name for p in parameters]
    for ours, real in zip(spec.parameters, parameters, strict=True):
        if real.kind not in (real.VAR_KEYWORD, real.VAR_POSITIONAL):
            assert ours.default == (REQUIRED if real.default is real.empty else real.default), ours.name


def test_every_layer_with_weights_is_known() -> None:
    """Whatever keras.layers exports is a row, or another name of one."""
    exported = {
        name for name, value in vars(keras.layers).items() if inspect.isclass(value) and issubclass(value, keras.Layer)
    }
    unknown = {name for name in exported if canonical(f"keras.layers.{name}") not in ROWS}
    foreign = {"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper", "Pipeline"}  # other programs' layers
    pictures = {name for name in unknown if "Box" in name or name in ("CutMix", "MixUp")}
    more = {"ContrastLimitedAdaptiveHistogramEqualization", "RandomElasticTransform"}
    assert unknown - foreign - pictures - more == set()


@pytest.mark.parametrize("name", [a for a in KNOWN.aliases if a.startswith("keras.layers.")])
def test_another_name_is_the_same_class(name: str) -> None:
    short, kind = name.rpartition(".")[2], KNOWN.aliases[name].rpartition(".")[2]
    if hasattr(keras.layers, short):
        assert getattr(keras.layers, short) is getattr(keras.layers, kind, getattr(keras, kind, None))
    else:
        assert short in ("Deconvolution2D", "GroupedQueryAttention")  # of Keras 1, and the class's own name


@pytest.mark.parametrize("kind, given, shape", FIRST, ids=[f"{k}-{i}" for i, (k, _, _) in enumerate(FIRST)])
def test_weights(kind: str, given: dict[str, Any], shape: Any) -> None:
    """Names, shapes, initializers and fans of a built layer are what the row says for its arguments."""
    spec = ROWS[f"keras.layers.{kind}"]
    known = arguments(spec, given, shape)
    layer = built(kind, given, shape)
    cell = getattr(layer, "cell", layer)
    ours = expand_weights(spec, known)
    real = list(layer.trainable_weights)
    assert [tuple(w.shape) for w in real] == [sizes(w, known) for w in ours]
    assert [w.path.rpartition("/")[2] for w in real] == [w.name.rpartition(".")[2] for w in ours]
    for weight, variable in zip(ours, real, strict=True):
        default = law_of(weight.default, {k: expressions.evaluate(str(v), known) for k, v in weight.arguments})
        assert default is not None, weight.default
        if weight.initializer:
            made = getattr(cell, weight.initializer, None) or getattr(layer, f"_{weight.initializer}")
            row = KNOWN.initializers[f"keras.initializers.{type(made).__name__}"]
            assert row.technique == weight.default, weight.name
            assert weight.initializer in known
            stated = known[weight.initializer]
            assert KNOWN.initializers[f"keras.initializers.{stated}"].technique == weight.default
        if weight.role == "kernel" and weight.default == "xavier_uniform":
            fan_in, fan_out, _ = fans_of(tuple(variable.shape))
            if weight.true_fans:
                fan_in, fan_out = size(weight.fan_in, known), size(weight.fan_out, known)
            assert fan_in is not None
            assert fan_out is not None
            limit = math.sqrt(6 / (fan_in + fan_out))
            largest = float(abs(keras.ops.convert_to_numpy(variable)).max())
            assert 0.6 * limit < largest <= limit * 1.0001, weight.name


@pytest.mark.parametrize("kind", [k for k in BUILDS if "Conv" in k and "LSTM" not in k])
def test_the_true_fans_are_how_many_inputs_a_unit_has(kind: str) -> None:
    """fan_in counts the inputs that one output depends on: the non-zero entries of a row of the Jacobian."""
    import torch

    spec = ROWS[f"keras.layers.{kind}"]
    rank = spec.rank
    given: dict[str, Any] = {"kernel_size": 3, "padding": "valid"}
    if not kind.startswith("Depthwise"):
        given["filters"] = 4
    if kind.startswith("Conv") and "Transpose" not in kind:
        given["groups"] = 2
    layer = theirs(kind)(**given)
    data = torch.ones((1, *([7] * rank), 4), requires_grad=True)
    output = layer(data)
    with torch.no_grad():
        for weight in layer.weights:
            weight.assign(torch.ones(tuple(weight.shape)))
    output = layer(data)
    center = (0, *(size // 2 for size in output.shape[1:-1]), 0)
    (gradient,) = torch.autograd.grad(output[center], data)
    known = arguments(spec, given, (None, *([7] * rank), 4))
    ours = 1
    for weight in expand_weights(spec, known):
        if weight.role == "kernel":
            ours *= size(weight.fan_in, known) or 0
    assert int((gradient != 0).sum()) == ours


@pytest.mark.parametrize(
    "kind, given, shape",
    [(k, g, s) for k, b in (BUILDS | SHAPES).items() for g, s in b if k != "PReLU"],
    ids=str,
)
def test_the_shape_of_the_output(kind: str, given: dict[str, Any], shape: Any) -> None:
    """Where the row's rule gives a size, it is Keras's."""
    spec = ROWS[f"keras.layers.{kind}"]
    shapes = shape if isinstance(shape, list) else [shape]
    layer = theirs(kind)(**given)
    real = layer.compute_output_shape(*shapes) if "Cell" not in kind else (None, given["units"])
    if isinstance(real, list) and isinstance(real[0], (list, tuple)):
        real = real[0]
    real = tuple(real)
    found, channels = output_of(spec.output, arguments(spec, given, shape), [Tensor(0, s) for s in shapes[:1]])
    if kind == "MultiHeadAttention" and "output_shape" in given:
        return  # told by another argument
    if found is not None:
        assert len(found) == len(real)
        assert [ours for ours, r in zip(found, real) if ours is not None and ours != r] == []
    assert channels in (None, real[-1])
    if spec.output != "unknown":
        assert channels == real[-1] or found == real


def test_names_of_the_first_version_are_those_of_the_arguments_they_became() -> None:
    """Only where a layer has what they became: `init` of Dense, of Embedding and of PReLU are three arguments."""
    layers = knowledge().layers
    older = {kind: layers[f"keras.layers.{kind}"].older for kind in ("Dense", "Embedding", "PReLU", "Dropout", "LSTM")}
    assert older["Dense"]["init"] == "kernel_initializer"
    assert older["Embedding"]["init"] == "embeddings_initializer"
    assert older["PReLU"]["init"] == "alpha_initializer"
    assert older["Dropout"] == {"p": "rate"}
    assert older["LSTM"]["inner_init"] == "recurrent_initializer"
    for name in layers:
        if name.startswith("keras.layers."):
            has = {p.spelled or p.name for p in layers[name].parameters}
            assert set(layers[name].older.values()) <= has
            assert not set(layers[name].older) & has
