"""Witness: what rules/layers/torch_functions.toml says functions and methods do is asked of the real torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as everyone calls it)
from torch import Tensor
from torch_calls import FUNCTIONS, called, leaf, matrix, of, ones, real, tensors

from initlint.knowledge import FunctionSpec, canonical, knowledge, load

# Names of torch.nn.functional that are no functions on tensors.
MACHINERY = {
    "assert_int_or_pair",
    "boolean_dispatch",
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
}
# Methods and attributes without a row: sparse, quantized and complex internals, solvers, transforms, and what torch
# itself has retired. Initializers have their rows in techniques.toml.
UNLISTED = """
bitwise_left_shift bitwise_left_shift_ bitwise_right_shift bitwise_right_shift_ ccol_indices cholesky cholesky_inverse
cholesky_solve coalesce col_indices corrcoef cov crow_indices eig frexp geqrf hash_tensor histogram igamma igamma_
igammac igammac_ index indices int_repr inverse is_coalesced is_conj is_distributed is_ipu is_maia is_mkldnn is_mtia
is_neg is_nested is_sparse_csr is_vulkan is_xla istft lstsq lu lu_solve mvlgamma mvlgamma_ nonzero_static orgqr ormqr
pinverse q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qr qscheme
record_stream reinforce resize resize_as resize_as_sparse_ row_indices slice_inverse slogdet solve sparse_mask
sparse_resize_ sparse_resize_and_clear_ stft svd symeig to_padded_tensor to_sparse_bsc to_sparse_bsr to_sparse_coo
to_sparse_csc to_sparse_csr triangular_solve values volatile
"""


INTEGERS = ("bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm")  # defined on whole numbers


def test_every_public_function_has_a_row() -> None:
    """All of torch.nn.functional, and all methods and attributes of tensors but the ones listed here with a reason."""
    functional = {n for n, f in vars(F).items() if n[0] != "_" and n.islower() and callable(f)} - {"importlib"}
    known = {q.rpartition(".")[2] for q in FUNCTIONS if q.startswith("torch.nn.functional.")}
    assert functional - known == MACHINERY
    methods = {name for name in dir(Tensor) if not name.startswith("_")}
    initializers = {q.removeprefix("Tensor.") for q in knowledge().initializers if q.startswith("Tensor.")}
    listed = {q.removeprefix("Tensor.") for q in FUNCTIONS if q.startswith("Tensor.")}
    assert methods - listed == {*UNLISTED.split(), *initializers}
    assert listed & initializers == set()


def test_names() -> None:
    """Every name exists, and a final underscore means in place."""
    assert [q for q, spec in FUNCTIONS.items() if real(spec) is None] == []
    marked = {q for q in FUNCTIONS if q.endswith("_") and not q.endswith("__")}
    assert marked == {q for q, spec in FUNCTIONS.items() if spec.inplace}


def test_in_place() -> None:
    """The result of a function whose name ends with an underscore is its first argument."""
    others: dict[str, tuple[Any, ...]] = {
        "addmv": (ones(4, 4), ones(4)),
        "baddbmm": (ones(2, 4, 4), ones(2, 4, 4)),
        "prelu": (ones(1),),
        "bitwise_not": (),
        **dict.fromkeys(INTEGERS, (torch.ones(4, 4, dtype=torch.long),)),
    }
    wrong = []
    for q, spec in FUNCTIONS.items():
        if spec.inplace:
            x = matrix(spec).detach()
            x = x.long() if spec.name in (*INTEGERS, "bitwise_not") else x
            name = q.rpartition(".")[2].rstrip("_")
            out = real(spec)(x, *others[name]) if name in others else called(spec, x)
            wrong += [q] if out is not x else []
    assert wrong == []


@pytest.mark.parametrize("spec", of("comparison"))
def test_comparisons(spec: FunctionSpec) -> None:
    """No gradient flows through a comparison."""
    if spec.name in (*INTEGERS, "bitwise_not", "bincount", "one_hot"):
        x = torch.arange(4)
        out = real(spec)(x, *([x] if spec.name in INTEGERS else []))
    else:
        out = called(spec, matrix(spec))
    assert isinstance(out, bool) or not any(t.requires_grad for t in tensors(out))
    assert isinstance(out, bool) or list(tensors(out))


def test_elementwise() -> None:
    """The result has the shape of its input."""
    wrong = []
    for q, spec in FUNCTIONS.items():
        if spec.role == "elementwise":
            x = leaf(4, 4)
            wrong += [q] if called(spec, x.detach().clone() if spec.inplace else x).shape != x.shape else []
    assert wrong == []


@pytest.mark.parametrize("spec", of("shape", "identity", names=("view", "copy")))
def test_memory(spec: FunctionSpec) -> None:
    """A view shares its memory with its input, a copy does not."""
    x = matrix(spec).detach()
    name = spec.qualified.rpartition(".")[2]
    if not callable(real(spec)):  # an attribute
        x = x.to(torch.complex128) if name == "imag" else x
        out = getattr(x, name)
    elif name in ("imag", "view_as_real", "real"):
        x = x.to(torch.complex128)
        out = called(spec, x)
    elif name == "view_as_complex":
        x = ones(4, 2)
        out = called(spec, x)
    else:
        out = called(spec, x)
    for tensor in tensors(out):
        shared = tensor.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        assert shared is (spec.name == "view"), name


def test_other_names() -> None:
    """The prefixes and aliases of torch_names.toml lead from one name of a thing to another name of the same thing."""
    assert torch.functional.einsum is torch.einsum
    assert torch._C._VariableFunctions.relu is torch.relu
    assert torch._C._nn.gelu is F.gelu
    assert torch._tensor.Tensor is Tensor
    assert torch.nn.parameter.Parameter is torch.nn.Parameter
    assert torch.nn.parameter.UninitializedParameter is torch.nn.UninitializedParameter
    assert torch.nn.quantized.FloatFunctional is torch.ao.nn.quantized.FloatFunctional
    quantization: Any = torch.quantization
    assert quantization.QuantStub is torch.ao.quantization.QuantStub
    x = leaf(4, 4).detach()
    for name in ("expit", "softmax", "log_softmax"):
        given = () if name == "expit" else (1,)
        other = getattr(torch, canonical(f"torch.special.{name}").rpartition(".")[2])
        assert torch.equal(getattr(torch.special, name)(x, *given), other(x, *given))
    for alias, name in load(knowledge().root).aliases.items():  # torch's alone, whatever other tests have asked for
        assert canonical(alias) == name
        assert name.startswith(("torch", "transformers.pytorch_utils"))
