"""How the functions and methods of torch are called: arguments for those that take more than one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


# By name of the function, without a final underscore: what follows the first argument, a 4 x 4 matrix.
AFTER_MATRIX: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "true_divide", "floor_divide", "maximum")
        + ("minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "matmul", "mm", "inner", "kron", "smm", "cdist")
        + ("atan2", "arctan2", "copysign", "fmod", "remainder", "hypot", "nextafter", "xlogy", "xlog1py", "pow")
        + ("float_power", "dist", "expand_as", "view_as", "reshape_as", "pairwise_distance", "cosine_similarity"),
        (torch.full((4, 4), 0.5, dtype=torch.float64),),
    ),
    **dict.fromkeys(("mv",), (torch.ones(4, dtype=torch.float64),)),
    **dict.fromkeys(("amax", "amin", "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "logsumexp"), (1,)),
    **dict.fromkeys(("kthvalue", "topk"), (2,)),
    **dict.fromkeys(("quantile", "nanquantile"), (0.5,)),
    **dict.fromkeys(("chunk", "split", "unsafe_chunk", "unsafe_split", "tensor_split", "hsplit", "vsplit"), (2,)),
    **dict.fromkeys(("split_with_sizes", "unsafe_split_with_sizes"), ([1, 3],)),
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "movedim", "moveaxis"), (0, 1)),
    **dict.fromkeys(("permute",), ((1, 0),)),
    **dict.fromkeys(("unsqueeze",), (0,)),
    **dict.fromkeys(("select",), (0, 1)),
    **dict.fromkeys(("narrow", "narrow_copy"), (0, 1, 2)),
    **dict.fromkeys(("as_strided",), ((2, 2), (1, 2))),
    **dict.fromkeys(("broadcast_to", "expand"), ((2, 4, 4),)),
    **dict.fromkeys(("reshape", "view"), ((2, 8),)),
    **dict.fromkeys(("unflatten",), (0, (2, 2))),
    **dict.fromkeys(("unfold",), (0, 2, 1)),
    **dict.fromkeys(("flip",), ((0,),)),
    **dict.fromkeys(("roll", "repeat_interleave"), (2,)),
    **dict.fromkeys(("tile", "repeat"), ((2, 2),)),
    **dict.fromkeys(("gather",), (0, torch.zeros(4, 4, dtype=torch.long))),
    **dict.fromkeys(("index_select",), (0, numbers(0, 2))),
    **dict.fromkeys(("take", "take_along_dim"), (numbers(0, 5),)),
    **dict.fromkeys(("index_add", "index_copy"), (0, numbers(0, 2), torch.ones(2, 4, dtype=torch.float64))),
    **dict.fromkeys(("index_reduce",), (0, numbers(0, 2), torch.ones(2, 4, dtype=torch.float64), "mean")),
    **dict.fromkeys(("index_fill",), (0, numbers(0, 2), 1.0)),
    **dict.fromkeys(("index_put",), ((numbers(0), numbers(1)), torch.ones(1, dtype=torch.float64))),
    **dict.fromkeys(("put",), (numbers(0, 5), torch.ones(2, dtype=torch.float64))),
    **dict.fromkeys(("scatter", "scatter_add"), (0, torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 4).double())),
    **dict.fromkeys(("scatter_reduce",), (0, torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 4).double(), "sum")),
    **dict.fromkeys(("masked_fill",), (mask(), 0.5)),
    **dict.fromkeys(("masked_scatter",), (mask(), torch.ones(4, 4, dtype=torch.float64))),
    **dict.fromkeys(("masked_select",), (mask(),)),
    **dict.fromkeys(("select_scatter",), (torch.ones(4, dtype=torch.float64), 0, 1)),
    **dict.fromkeys(("slice_scatter",), (torch.ones(2, 4, dtype=torch.float64), 0, 1, 3)),
    **dict.fromkeys(("diagonal_scatter",), (torch.ones(4, dtype=torch.float64),)),
    **dict.fromkeys(("as_strided_scatter",), (torch.ones(2, 2, dtype=torch.float64), (2, 2), (1, 2))),
    **dict.fromkeys(("constant_pad_nd", "pad"), ((1, 1),)),
    **dict.fromkeys(("permute_copy",), ((1, 0),)),
    **dict.fromkeys(("clamp", "clip"), (0.2, 0.8)),
    **dict.fromkeys(("clamp_max", "clamp_min"), (0.5,)),
    **dict.fromkeys(("ldexp",), (numbers(2),)),
    **dict.fromkeys(("renorm",), (2, 0, 1.0)),
    **dict.fromkeys(("matrix_power",), (2,)),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), (1,)),
    **dict.fromkeys(("norm", "prod", "std", "var", "sum", "mean"), ()),
    **dict.fromkeys(("addbmm", "baddbmm"), (torch.ones(4, 4, 4).double(), torch.ones(4, 4, 4).double())),
    **dict.fromkeys(("addmm", "sspaddmm"), (torch.ones(4, 4).double(), torch.ones(4, 4).double())),
    **dict.fromkeys(("addmv",), (torch.ones(4, 4).double(), torch.ones(4).double())),
    **dict.fromkeys(("addr",), (torch.ones(4).double(), torch.ones(4).double())),
    **dict.fromkeys(("addcmul", "addcdiv"), (torch.ones(4, 4).double(), torch.ones(4, 4).double())),
    **dict.fromkeys(("lerp",), (torch.ones(4, 4).double(), 0.5)),
    **dict.fromkeys(("cosine_similarity",), (torch.ones(4, 4).double(),)),
    **dict.fromkeys(("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"), (0.5, False)),
    **dict.fromkeys(("__getitem__",), ((slice(0, 2), numbers(0, 1)),)),
    **dict.fromkeys(("sum_to_size",), ((1, 4),)),
}
