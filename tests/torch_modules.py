"""The real modules of torch beside their rows, each with two sets of arguments."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from torch import nn
from torch.nn.modules import container, linear, rnn

from initlint.knowledge import REQUIRED, LayerSpec, knowledge

Arguments = dict[str, Any]

TORCH = {q: spec for q, spec in knowledge().layers.items() if q.startswith("torch.nn.") and q.count(".") == 2}
ELSEWHERE = {
    "NonDynamicallyQuantizableLinear": linear.NonDynamicallyQuantizableLinear,
    "Container": container.Container,
    "RNNCellBase": rnn.RNNCellBase,
    "CrossMapLRN2d": nn.CrossMapLRN2d,
    "NLLLoss2d": nn.NLLLoss2d,
}
STACKS = ("TransformerEncoder", "TransformerDecoder")  # take a layer, and copy it

CONVOLUTION: list[Arguments] = [
    {"in_channels": 6, "out_channels": 4, "kernel_size": 3},
    {"in_channels": 6, "out_channels": 9, "kernel_size": 2, "groups": 3, "bias": False, "stride": 2},
]
LAZY_CONVOLUTION = [{k: v for k, v in row.items() if k != "in_channels"} for row in CONVOLUTION]
NORM: list[Arguments] = [{"num_features": 6}, {"num_features": 4, "affine": True, "bias": False}]
RECURRENT: list[Arguments] = [
    {"input_size": 5, "hidden_size": 7},
    {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True, "bias": False},
]
CELL: list[Arguments] = [{"input_size": 5, "hidden_size": 7}, {"input_size": 2, "hidden_size": 3, "bias": False}]
TRANSFORMER: list[Arguments] = [
    {"d_model": 8, "nhead": 2, "dim_feedforward": 12},
    {"d_model": 4, "nhead": 1, "dim_feedforward": 6, "bias": False, "batch_first": True},
]
PADDING: list[Arguments] = [{"padding": 1}, {"padding": 2}]
WINDOW: list[Arguments] = [{"kernel_size": 2}, {"kernel_size": 3, "stride": 1}]

SAMPLES: dict[str, list[Arguments]] = {
    "Linear": [{"in_features": 5, "out_features": 3}, {"in_features": 4, "out_features": 6, "bias": False}],
    "LazyLinear": [{"out_features": 3}, {"out_features": 6, "bias": False}],
    "Bilinear": [
        {"in1_features": 3, "in2_features": 4, "out_features": 5},
        {"in1_features": 2, "in2_features": 6, "out_features": 3, "bias": False},
    ],
    "Embedding": [
        {"num_embeddings": 9, "embedding_dim": 4},
        {"num_embeddings": 5, "embedding_dim": 3, "padding_idx": 1},
    ],
    "LSTM": [*RECURRENT, {"input_size": 3, "hidden_size": 6, "proj_size": 2, "num_layers": 2, "bidirectional": True}],
    "RNNBase": [{"mode": "GRU", **RECURRENT[0]}, {"mode": "LSTM", **RECURRENT[1]}],
    "RNNCellBase": [{**CELL[0], "bias": True, "num_chunks": 3}, {**CELL[1], "num_chunks": 2}],
    "MultiheadAttention": [
        {"embed_dim": 8, "num_heads": 2},
        {"embed_dim": 6, "num_heads": 3, "kdim": 5, "vdim": 4, "bias": False, "add_bias_kv": True},
        {"embed_dim": 6, "num_heads": 3, "kdim": 6, "vdim": 6},
    ],
    "TransformerEncoderLayer": TRANSFORMER,
    "TransformerDecoderLayer": TRANSFORMER,
    "Transformer": [
        {**TRANSFORMER[0], "num_encoder_layers": 2, "num_decoder_layers": 1},
        {**TRANSFORMER[1], "num_encoder_layers": 1, "num_decoder_layers": 3},
    ],
    "LayerNorm": [{"normalized_shape": 6}, {"normalized_shape": (3, 5), "bias": False}],
    "RMSNorm": [{"normalized_shape": 6}, {"normalized_shape": (3, 5), "elementwise_affine": False}],
    "GroupNorm": [{"num_groups": 2, "num_channels": 6}, {"num_groups": 1, "num_channels": 4, "bias": False}],
    "LocalResponseNorm": [{"size": 2}, {"size": 3, "k": 2.0}],
    "CrossMapLRN2d": [{"size": 2}, {"size": 3, "k": 2}],
    "LeakyReLU": [{}, {"negative_slope": 0.2}],
    "PReLU": [{}, {"num_parameters": 4, "init": 0.5}],
    "ELU": [{}, {"alpha": 0.5}],
    "CELU": [{}, {"alpha": 0.5}],
    "Softplus": [{}, {"beta": 2.0}],
    "Hardshrink": [{}, {"lambd": 0.3}],
    "Softshrink": [{}, {"lambd": 0.3}],
    "Threshold": [{"threshold": 0.1, "value": 0.0}, {"threshold": 0.5, "value": 1.0}],
    "FractionalMaxPool2d": [{"kernel_size": 2, "output_size": 3}, {"kernel_size": 3, "output_ratio": 0.5}],
    "FractionalMaxPool3d": [{"kernel_size": 2, "output_size": 3}, {"kernel_size": 3, "output_ratio": 0.5}],
    "Unflatten": [{"dim": 1, "unflattened_size": (2, 3)}, {"dim": 0, "unflattened_size": (1, 2)}],
    "Fold": [{"output_size": (4, 4), "kernel_size": 2}, {"output_size": (5, 5), "kernel_size": 3, "padding": 1}],
    "Unfold": [{"kernel_size": 2}, {"kernel_size": 3, "padding": 1}],
    "PixelShuffle": [{"upscale_factor": 2}, {"upscale_factor": 1}],
    "PixelUnshuffle": [{"downscale_factor": 2}, {"downscale_factor": 1}],
    "ChannelShuffle": [{"groups": 2}, {"groups": 3}],
    "Upsample": [{"scale_factor": 2}, {"size": 7}],
    "UpsamplingBilinear2d": [{"scale_factor": 2}, {"size": 7}],
    "UpsamplingNearest2d": [{"scale_factor": 2}, {"size": 7}],
    "AdaptiveLogSoftmaxWithLoss": [
        {"in_features": 20, "n_classes": 50, "cutoffs": [10, 30]},
        {"in_features": 9, "n_classes": 12, "cutoffs": [3, 5, 8], "div_value": 2.0, "head_bias": True},
    ],
    "LinearCrossEntropyLoss": [
        {"in_features": 5, "num_classes": 3},
        {"in_features": 4, "num_classes": 6, "out_features": (2, 2), "bias": True},
    ],
}
SAMPLES["NonDynamicallyQuantizableLinear"] = SAMPLES["Linear"]
SAMPLES["EmbeddingBag"] = SAMPLES["Embedding"]
SAMPLES["GRU"] = RECURRENT
SAMPLES["RNN"] = [RECURRENT[0], {**RECURRENT[1], "nonlinearity": "relu"}]
for _rank in (1, 2, 3):
    SAMPLES[f"Conv{_rank}d"] = SAMPLES[f"ConvTranspose{_rank}d"] = [
        *CONVOLUTION,
        {"in_channels": 4, "out_channels": 8, "kernel_size": (3, 2, 5)[:_rank], "groups": 4},
    ]
    SAMPLES[f"LazyConv{_rank}d"] = SAMPLES[f"LazyConvTranspose{_rank}d"] = LAZY_CONVOLUTION
    SAMPLES[f"AdaptiveAvgPool{_rank}d"] = SAMPLES[f"AdaptiveMaxPool{_rank}d"] = [{"output_size": 1}, {"output_size": 2}]
    SAMPLES[f"ConstantPad{_rank}d"] = [{"padding": 1, "value": 0.0}, {"padding": 2, "value": 0.0}]
    SAMPLES[f"LPPool{_rank}d"] = [{"norm_type": 2, **row} for row in WINDOW]


def samples(spec: LayerSpec) -> list[Arguments]:
    """Two sets of arguments for a kind."""
    if spec.kind in SAMPLES:
        return SAMPLES[spec.kind]
    names = {parameter.name for parameter in spec.parameters if parameter.default is REQUIRED}
    for needed, rows in (("num_features", NORM), ("padding", PADDING), ("kernel_size", WINDOW), ("hidden_size", CELL)):
        if needed in names:
            return rows
    return [{}, {"inplace": True} if any(p.name == "inplace" for p in spec.parameters) else {}]


def bound(spec: LayerSpec, arguments: Arguments) -> Arguments:
    """The arguments with the row's defaults filled in."""
    return {p.name: p.default for p in spec.parameters if p.default is not REQUIRED} | arguments


def built(spec: LayerSpec, arguments: Arguments) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules, NLLLoss2d, nested tensors: not what is asked here
        module: nn.Module = class_of(spec.kind)(**arguments)
    return module


def class_of(kind: str) -> Any:
    return ELSEWHERE.get(kind) or getattr(nn, kind)


def cases(*roles: str, lazy: bool = False) -> list[Any]:
    """Each kind of these roles (of all, when none is named) with each of its samples."""
    return [
        pytest.param(spec, arguments, id=f"{spec.kind}-{i}")
        for spec in TORCH.values()
        if (not roles or spec.role in roles) and bool(spec.lazy) is lazy and spec.kind not in STACKS
        for i, arguments in enumerate(samples(spec))
    ]
