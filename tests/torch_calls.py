"""How the functions and methods of torch are called: arguments for those that take more than one tensor."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as everyone calls it)
from torch import Tensor

from initlint.knowledge import FunctionSpec, knowledge

NAMESPACES: Mapping[str, Any] = {
    "torch": torch,
    "torch.nn.functional": F,
    "Tensor": Tensor,
    "torch.special": torch.special,
}


def leaf(*shape: int) -> Tensor:
    """Numbers between 0.1 and 0.9 that want a gradient; the same ones at each call."""
    torch.manual_seed(len(shape))
    return (torch.rand(shape, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()


def numbers(*values: int) -> Tensor:
    return torch.tensor(values)


def mask() -> Tensor:
    return torch.eye(4, dtype=torch.bool)


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


def _table(*rows: tuple[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {name: arguments for names, arguments in rows for name in names.split()}


# By name, without a final underscore: what follows the first argument, which is a 4 x 4 matrix.
AFTER: Mapping[str, tuple[Any, ...]] = _table(
    (
        (
            "add sub subtract rsub mul multiply div divide true_divide floor_divide maximum minimum fmax fmin"
            " logaddexp logaddexp2 matmul mm inner kron smm cdist atan2 arctan2 copysign fmod remainder hypot"
            " nextafter xlogy xlog1py pow float_power dist expand_as view_as reshape_as pairwise_distance"
            " cosine_similarity eq ge greater greater_equal gt le less less_equal lt ne not_equal isclose"
            " logical_and logical_or logical_xor allclose equal sspaddmm spmm"
        ),
        (torch.full((4, 4), 0.5, dtype=torch.float64),),
    ),
    ("mv", (ones(4),)),
    ("amax amin cumsum cumprod cummax cummin logcumsumexp logsumexp softmax log_softmax softmin diff", (1,)),
    ("kthvalue topk chunk unsafe_chunk split unsafe_split tensor_split hsplit vsplit roll repeat_interleave", (2,)),
    ("quantile nanquantile clamp_max clamp_min", (0.5,)),
    ("split_with_sizes unsafe_split_with_sizes", ([1, 3],)),
    ("transpose swapaxes swapdims movedim moveaxis", (0, 1)),
    ("permute permute_copy", ((1, 0),)),
    ("unsqueeze", (0,)),
    ("select", (0, 1)),
    ("narrow narrow_copy", (0, 1, 2)),
    ("as_strided", ((2, 2), (1, 2))),
    ("broadcast_to expand", ((2, 4, 4),)),
    ("reshape view", ((2, 8),)),
    ("unflatten", (0, (2, 2))),
    ("flip", ((0,),)),
    ("tile repeat", ((2, 2),)),
    ("gather take_along_dim", (torch.zeros(4, 4, dtype=torch.long), 0)),
    ("gather", (0, torch.zeros(4, 4, dtype=torch.long))),
    ("index_select", (0, numbers(0, 2))),
    ("take", (numbers(0, 5),)),
    ("index_add index_copy", (0, numbers(0, 2), ones(2, 4))),
    ("index_reduce", (0, numbers(0, 2), ones(2, 4), "mean")),
    ("index_fill", (0, numbers(0, 2), 1.0)),
    ("index_put", ((numbers(0), numbers(1)), ones(1))),
    ("put", (numbers(0, 5), ones(2))),
    ("scatter scatter_add", (0, torch.zeros(1, 4, dtype=torch.long), ones(1, 4))),
    ("scatter_reduce", (0, torch.zeros(1, 4, dtype=torch.long), ones(1, 4), "sum")),
    ("masked_fill", (mask(), 0.5)),
    ("masked_scatter", (mask(), ones(4, 4))),
    ("masked_select", (mask(),)),
    ("select_scatter", (ones(4), 0, 1)),
    ("slice_scatter", (ones(2, 4), 0, 1, 3)),
    ("diagonal_scatter", (ones(4),)),
    ("as_strided_scatter", (ones(2, 2), (2, 2), (1, 2))),
    ("constant_pad_nd pad", ((1, 1),)),
    ("clamp clip", (0.2, 0.8)),
    ("ldexp", (numbers(2),)),
    ("renorm", (2, 0, 1.0)),
    ("matrix_power", (2,)),
    ("addbmm", (ones(2, 4, 4), ones(2, 4, 4))),
    ("addmm addcmul addcdiv", (ones(4, 4), ones(4, 4))),
    ("lerp", (ones(4, 4), 0.5)),
    ("addr", (ones(4), ones(4))),
    ("threshold", (0.1, -0.5)),
    ("dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout", (0.5, False)),
    ("__getitem__", ((slice(0, 2), 1),)),
    ("sum_to_size", (1, 4)),
    ("polygamma", (1,)),
    ("searchsorted", (torch.rand(4, 2).double(),)),
    ("isin", (ones(3),)),
    ("multinomial", (2,)),
    ("resize", (4, 4)),
    ("resize_as", (ones(4, 4),)),
    ("fill_diagonal", (1.0,)),
    ("__setitem__", (0, 1.0)),
    ("apply", (abs,)),
    ("map", (ones(4, 4), min)),
    ("map2", (ones(4, 4), ones(4, 4), lambda x, *_: x)),
    ("set", (ones(4, 4),)),
    ("to type_as", (torch.ones(1),)),
    ("unfold", (0, 2, 1)),
    ("as_subclass", (Tensor,)),
    ("channel_shuffle native_channel_shuffle pixel_shuffle pixel_unshuffle dsplit", (2,)),
    ("heaviside", (torch.full((4, 4), 0.5, dtype=torch.float64),)),
    ("bucketize", (torch.tensor([0.2, 0.5], dtype=torch.float64),)),
)
OTHER_FIRST: Mapping[str, tuple[int, ...]] = {  # shapes of the first argument where it is no 4 x 4 matrix
    **dict.fromkeys(("bmm", "baddbmm"), (2, 4, 4)),
    **dict.fromkeys(("dot", "vdot", "ger", "outer", "addmv", "combinations"), (4,)),
    **dict.fromkeys(
        ("dsplit", "channel_shuffle", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle"), (4, 4, 4)
    ),
}

FUNCTIONS = {q: spec for q, spec in knowledge().functions.items() if q.rpartition(".")[0] in NAMESPACES}


def real(spec: FunctionSpec) -> Any:
    namespace, _, name = spec.qualified.rpartition(".")
    return getattr(NAMESPACES[namespace], name)


def tensors(value: object) -> Iterator[Tensor]:
    """The tensors in a result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


def called(spec: FunctionSpec, first: Tensor) -> Any:
    """The result for this first argument; the others are those of AFTER."""
    name = spec.qualified.rpartition(".")[2]
    given = AFTER.get(name, AFTER.get(name.rstrip("_"), ()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return real(spec)(first, *given)


def matrix(spec: FunctionSpec) -> Tensor:
    """A first argument that the function takes."""
    return leaf(*OTHER_FIRST.get(spec.qualified.rpartition(".")[2].rstrip("_"), (4, 4)))


def of(*roles: str, names: tuple[str, ...] = ()) -> list[Any]:
    return [
        pytest.param(spec, id=q)
        for q, spec in FUNCTIONS.items()
        if spec.role in roles and (not names or spec.name in names)
    ]
