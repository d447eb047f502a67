"""Witness: products, merges, reductions, factories and the rest of torch's functions do what their role says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as everyone calls it)
from torch import Tensor, nn
from torch_calls import FUNCTIONS, called, leaf, matrix, of, ones, real, tensors

from initlint.interpret.torch_methods import PROPERTIES
from initlint.knowledge import FunctionSpec, knowledge, law_of


def gradients(out: object, *inputs: Tensor) -> list[bool]:
    """Which inputs the result depends on."""
    total = sum(t.real.sum() for t in tensors(out) if t.requires_grad)
    found = torch.autograd.grad(total, inputs, allow_unused=True)  # type: ignore[arg-type]
    return [g is not None for g in found]


# Products: how each is called with the two factors that it is a product of, by name.
PRODUCTS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Callable[[Any, Tensor, Tensor], Tensor]]] = {
    **dict.fromkeys(("matmul", "mm", "inner", "kron"), ((4, 4), (4, 4), lambda f, x, y: f(x, y))),
    "smm": ((4, 4), (4, 4), lambda f, x, y: f(x.to_sparse(), y).to_dense()),
    "spmm": ((4, 4), (4, 4), lambda f, x, y: f(x.to_sparse(), y)),
    "chain_matmul": ((4, 4), (4, 4), lambda f, x, y: f(x, y)),
    "mv": ((4, 4), (4,), lambda f, x, y: f(x, y)),
    "bmm": ((2, 3, 4), (2, 4, 3), lambda f, x, y: f(x, y)),
    **dict.fromkeys(("dot", "vdot", "ger", "outer"), ((4,), (4,), lambda f, x, y: f(x, y))),
    "einsum": ((3, 4), (4, 2), lambda f, x, y: f("ij,jk->ik", x, y)),
    "tensordot": ((3, 4), (4, 2), lambda f, x, y: f(x, y, 1)),
    "addbmm": ((2, 3, 4), (2, 4, 3), lambda f, x, y: f(torch.zeros(3, 3).double(), x, y)),
    "baddbmm": ((2, 3, 4), (2, 4, 3), lambda f, x, y: f(torch.zeros(2, 3, 3).double(), x, y)),
    "addmm": ((3, 4), (4, 2), lambda f, x, y: f(torch.zeros(3, 2).double(), x, y)),
    "sspaddmm": (
        (3, 4),
        (4, 2),
        lambda f, x, y: f(torch.zeros(3, 2).double().to_sparse(), x.to_sparse(), y).to_dense(),
    ),
    "addmv": ((3, 4), (4,), lambda f, x, y: f(torch.zeros(3).double(), x, y)),
    "addr": ((3,), (4,), lambda f, x, y: f(torch.zeros(3, 4).double(), x, y)),
}
LOW_PRECISION = {"grouped_mm", "scaled_mm", "scaled_grouped_mm"}  # need formats and devices that are not everywhere


@pytest.mark.filterwarnings("ignore")  # chain_matmul is deprecated, sparse layouts are in beta
@pytest.mark.parametrize("spec", of("matmul"))
def test_products(spec: FunctionSpec) -> None:
    """Bilinear: twice one factor is twice the result, twice the other too. To some an argument before them is added."""
    name = spec.qualified.rpartition(".")[2].rstrip("_")
    if name in LOW_PRECISION:
        assert "mm" in name
        return
    left, right, call = PRODUCTS[name]
    f = real(spec)
    if spec.inplace:  # into a sum that starts at zero
        f = lambda start, x, y: real(spec)(start.clone(), x, y)  # noqa: E731
    x, y = leaf(*left).detach(), leaf(*right).detach()
    out = call(f, x, y)
    assert torch.allclose(call(f, 2 * x, y), 2 * out)
    assert torch.allclose(call(f, x, 2 * y), 2 * out)
    if spec.name == "add":
        once = call(lambda start, a, b: f(_ones(start), a, b), x, y)
        assert torch.allclose(once, 1 + out)


def _ones(start: Tensor) -> Tensor:
    return torch.ones_like(start.to_dense()).to_sparse() if start.is_sparse else torch.ones_like(start)


@pytest.mark.filterwarnings("ignore")  # torch.cross wants its dim
@pytest.mark.parametrize("spec", of("merge"))
def test_merges(spec: FunctionSpec) -> None:
    """Both branches are in the result: a gradient flows to each; a sum is additive, a product is homogeneous."""
    x, y = leaf(4, 3), (leaf(4, 3) + 1).detach().requires_grad_()
    name = spec.qualified.rpartition(".")[2].rstrip("_")
    f = real(spec)

    def join(x: Tensor, y: Tensor) -> Any:
        first = x.clone() if spec.inplace else x
        choice = torch.tensor([True, False, True])
        given: dict[str, tuple[Any, ...]] = {
            "block_diag": (x, y),
            "cartesian_prod": (x[:, 0], y[:, 0]),
            "meshgrid": (x[:, 0], y[:, 0]),
            "addcmul": (0 * first, x, y),
            "addcdiv": (first, y, ones(4, 3)),
            "lerp": (first, y, 0.3),
            "where": (first, choice, y) if spec.qualified.startswith("Tensor") else (choice, first, y),
        }
        if spec.inplace and name == "addcmul":
            return f(first.mul_(0), x, y)
        return f(*given.get(name, ([first, y],) if spec.name == "cat" else (first, y)))

    out = join(x, y)
    stepped = name == "floor_divide"  # no gradient through a step, but still a quotient
    assert stepped or gradients(out, x, y) == [True, True]
    if spec.name == "add" and not name.startswith("logadd"):
        assert torch.allclose(join(2 * x, 2 * y), 2 * out)
    if spec.name == "mul" and not stepped:
        assert torch.allclose(join(2 * x, y), 2 * out)
    if spec.name == "max":
        larger = name in ("maximum", "fmax")
        assert torch.equal(out, torch.where((x > y) if larger else (x < y), x, y))
    if spec.name in ("cat", "where"):
        values = {float(v) for t in tensors(out) for v in t.detach().flatten()} - {0.0}
        assert values <= {float(v) for t in (x, y) for v in t.detach().flatten()}


POOLED: dict[str, tuple[tuple[int, ...], tuple[Any, ...]]] = {
    **{
        f"{kind}_pool{d}d": ((1, 2, *[6] * d), (2,))
        for d in (1, 2, 3)
        for kind in ("avg", "max", "adaptive_avg", "adaptive_max")
    },
    **{
        f"{kind}_pool{d}d_with_indices": ((1, 2, *[6] * d), (2,)) for d in (1, 2, 3) for kind in ("max", "adaptive_max")
    },
    **{f"lp_pool{d}d": ((1, 2, *[6] * d), (2.0, 2)) for d in (1, 2, 3)},
    **{f"fractional_max_pool{d}d{end}": ((1, 2, *[6] * d), (2, 3)) for d in (2, 3) for end in ("", "_with_indices")},
    "cumulative_trapezoid": ((4, 4), ()),
}


@pytest.mark.parametrize("spec", of("pool"))
def test_reductions(spec: FunctionSpec) -> None:
    """Not more numbers than went in, and a gradient flows through them."""
    name = spec.qualified.rpartition(".")[2]
    if name.startswith("max_unpool"):
        pooled, where = getattr(F, f"max_pool{name[-2]}d")(leaf(1, 2, *[6] * int(name[-2])), 2, return_indices=True)
        assert gradients(real(spec)(pooled, where, 2), pooled) == [True]
        return
    if name in POOLED:
        shape, given = POOLED[name]
        x = leaf(*shape)
        out = real(spec)(x.float() if "fractional" in name else x, *given)
    else:
        x = matrix(spec)
        out = called(spec, x.clone() if spec.inplace else x)
    first = next(tensors(out))
    assert first.numel() <= x.numel()
    assert gradients(first, x) == [True]
    if spec.name in ("max", "mean"):
        flat = torch.ones_like(x.float() if "fractional" in name else x)
        arguments = POOLED[name][1] if name in POOLED else ()
        assert set(next(tensors(real(spec)(flat, *arguments))).flatten().tolist()) == {1.0}
    if spec.name == "max":
        assert {float(v) for v in first.detach().flatten()} <= {float(v) for v in x.detach().float().flatten()} | {
            float(v) for v in x.detach().flatten()
        }


@pytest.mark.filterwarnings("ignore")  # storages are deprecated
@pytest.mark.parametrize("spec", of("predicate"))
def test_predicates(spec: FunctionSpec) -> None:
    """No signal comes out: no tensor, or none that wants a gradient."""
    x = leaf(4, 4)
    name = spec.qualified.rpartition(".")[2]
    given: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(("equal", "is_same_size", "is_set_to", "result_type", "allclose"), (x, x.detach())),
        **dict.fromkeys(("promote_types", "can_cast"), (torch.float, torch.float)),
        **dict.fromkeys(("finfo", "iinfo"), (torch.float,) if name == "finfo" else (torch.int,)),
        **dict.fromkeys(("manual_seed",), (0,)),
        **dict.fromkeys(("set_rng_state",), (torch.get_rng_state(),)),
        **dict.fromkeys(("item", "is_nonzero"), (x[0, 0],)),
        **dict.fromkeys(("numpy", "tolist"), (x.detach(),)),
        **dict.fromkeys(("register_hook", "register_post_accumulate_grad_hook"), (x, lambda _: None)),
        **dict.fromkeys(("is_storage", "is_tensor", "numel", "is_complex", "is_floating_point", "typename"), (x,)),
        **dict.fromkeys(("backward",), (x.sum(),)),
        **dict.fromkeys(("has_torch_function", "has_torch_function_variadic"), ((x,),)),
        **dict.fromkeys(("has_torch_function_unary",), (x,)),
        **dict.fromkeys(("broadcast_shapes",), ((1, 2), (2, 1))),
        **dict.fromkeys(("is_shared", "storage", "storage_type"), (x.detach(),)),
        **dict.fromkeys(("dense_dim", "sparse_dim"), (x.detach().to_sparse(),)),
    }
    if spec.qualified.startswith("Tensor.") and not callable(real(spec)):
        out = getattr(x, name)
    else:
        out = real(spec)(*given.get(name, (x,) if spec.qualified.startswith("Tensor") else ()))
    assert not any(t.requires_grad for t in tensors(out))
    assert spec.name != "false" or out is False


def test_properties() -> None:
    """Predicates without a call are those that torch has as attributes."""
    names = (q.removeprefix("Tensor.") for q, s in FUNCTIONS.items() if s.role == "predicate" and q[:7] == "Tensor.")
    assert {name for name in names if not callable(getattr(torch.Tensor, name))} == PROPERTIES


@pytest.mark.parametrize("spec", of("factory", names=("zeros", "ones", "constant", "uniform", "normal", "identity")))
def test_factories(spec: FunctionSpec) -> None:
    """A factory's values have the law that its canonical name says."""
    name = spec.qualified.rpartition(".")[2]
    torch.manual_seed(0)
    start: Any = torch.empty(300, 300) if "like" in name or "new" in name else (300, 300)
    shape: tuple[Any, ...] = ((300, 300),) if "new" in name else ()
    if name == "normal":
        out = torch.normal(0.0, 1.0, start)
    elif name == "eye":
        out = torch.eye(300)
    else:
        out = real(spec)(start, *shape, *((0.5,) if spec.name == "constant" else ()))
    law = law_of(spec.name, {"val": 0.5})
    assert law is not None
    variance = law.variance(300, 300)
    assert variance is not None
    if spec.name == "identity":
        assert float((out**2).mean()) == pytest.approx(variance)
    else:
        assert float(out.var()) == pytest.approx(variance, rel=0.02)
        assert float(out.mean()) == pytest.approx(law.mean, abs=0.02)


def test_factories_of_memory_and_of_values() -> None:
    """`empty` makes no promise about its values, `values` keeps those it is given, `legacy` does either."""
    for spec in FUNCTIONS.values():
        if spec.role == "factory" and spec.name == "empty":
            assert "empty" in spec.qualified
    assert torch.Tensor(2, 3).shape == (2, 3)
    assert torch.Tensor([2, 3]).tolist() == torch.FloatTensor([2, 3]).tolist() == [2, 3]
    assert torch.ones(1).new(2, 3).shape == (2, 3)
    for name in ("tensor", "asarray", "as_tensor"):
        assert getattr(torch, name)([2.0, 3.0]).tolist() == [2, 3]


WEIGHTED: dict[str, tuple[tuple[int, ...], ...]] = {
    "linear": ((2, 4), (3, 4)),
    "bilinear": ((2, 4), (2, 5), (3, 4, 5)),
    "conv_tbc": ((7, 2, 4), (3, 4, 5), (5,)),
    **{f"conv{d}d": ((1, 4, *[7] * d), (3, 4, *[2] * d)) for d in (1, 2, 3)},
    **{f"conv_transpose{d}d": ((1, 4, *[7] * d), (4, 3, *[2] * d)) for d in (1, 2, 3)},
}


@pytest.mark.parametrize("spec", of("weighted"))
def test_weights(spec: FunctionSpec) -> None:
    """The argument at the row's position is the weight: the result doubles with it."""
    if spec.name.startswith("embedding"):
        table, rows = ones(5, 3), torch.tensor([[0, 2]])
        arguments: list[Any] = [table, rows] if spec.weight == 0 else [rows, table]
        arguments += [torch.tensor([0])] if spec.qualified == "torch.embedding_bag" else []
        if len(arguments) == 3:
            arguments[1] = rows[0]
    else:
        arguments = [leaf(*shape).detach() for shape in WEIGHTED[spec.name]]
        arguments += [None] if spec.qualified == "torch.bilinear" else []
        if spec.name == "conv_tbc":
            arguments[2] = torch.zeros_like(arguments[2])
    once = next(tensors(real(spec)(*arguments)))
    arguments[spec.weight] = 2 * arguments[spec.weight]
    assert torch.allclose(next(tensors(real(spec)(*arguments))), 2 * once)


def test_attention() -> None:
    """Values that are all one come out as one: attention averages them. Its weight stands where the row says."""
    x = leaf(2, 3, 4)
    assert torch.allclose(F.scaled_dot_product_attention(x, x, ones(2, 3, 4)), ones(2, 3, 4))
    spec = FUNCTIONS["torch.nn.functional.multi_head_attention_forward"]
    layer = nn.MultiheadAttention(4, 2).double()
    arguments: list[Any] = [x, x, x, 4, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0]
    attend: Any = F.multi_head_attention_forward
    out, _ = attend(*arguments, layer.out_proj.weight, layer.out_proj.bias)
    assert arguments[spec.weight] is layer.in_proj_weight
    assert torch.allclose(out, layer(x, x, x)[0])


NORMS: dict[str, tuple[tuple[int, ...], Callable[[Any, Tensor], Tensor]]] = {
    "batch_norm": (
        (6, 3, 5),
        lambda f, x: (
            f(x, None, None, training=True)
            if f is F.batch_norm
            else f(x, None, None, None, None, True, 0.1, 1e-9, False)
        ),
    ),
    "instance_norm": (
        (2, 3, 9),
        lambda f, x: f(x) if f is F.instance_norm else f(x, None, None, None, None, True, 0.1, 1e-9, False),
    ),
    "layer_norm": ((2, 9), lambda f, x: f(x, [9])),
    "rms_norm": ((2, 9), lambda f, x: f(x, [9])),
    "group_norm": ((2, 4, 9), lambda f, x: f(x, 2)),
    "normalize": ((2, 9), lambda f, x: f(x)),
    "renorm": ((2, 9), lambda f, x: f(x.clone(), 2, 0, 0.01)),
    "local_response_norm": ((2, 9, 3), lambda f, x: f(x, 9, alpha=1.0, beta=0.5, k=0.0)),
}


@pytest.mark.parametrize("spec", of("norm"))
def test_norms(spec: FunctionSpec) -> None:
    """A norm takes the scale out of its input: a signal a hundred times as large comes out the same."""
    shape, call = NORMS[spec.name]
    x = 10 * leaf(*shape).detach()
    assert torch.allclose(call(real(spec), 100 * x), call(real(spec), x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("spec", of("dropout"))
def test_dropouts(spec: FunctionSpec) -> None:
    """While training some numbers are dropped, in evaluation none."""
    name = spec.qualified.rpartition(".")[2]
    d = int(name[-2]) if name.endswith("d") and name[-2].isdigit() else 1
    x = leaf(4, 20, *[3] * d).detach()
    assert torch.equal(real(spec)(x.clone(), 0.5, False), x)
    torch.manual_seed(0)
    assert not torch.equal(real(spec)(x.clone(), 0.5, True), x)


def test_distances_and_losses_end_the_signal() -> None:
    """The rows of these roles name what they are."""
    for spec in FUNCTIONS.values():
        if spec.role == "loss":
            assert any(word in spec.name for word in ("loss", "entropy", "kl_div"))
        elif spec.role == "distance":
            assert any(word in spec.name for word in ("dist", "similarity"))
            x, y = leaf(3, 4), ones(3, 4)
            out = real(spec)(x) if spec.name == "pdist" else real(spec)(x, y)
            assert out.numel() <= 9
            assert gradients(out, x) == [True]


def test_functional_modules() -> None:
    """FloatFunctional's methods, under torch.ao, are the operations that their rows name."""
    methods = {q.rpartition(".")[2]: s for q, s in knowledge().functions.items() if "FloatFunctional" in q}
    assert {name: s.name for name, s in methods.items() if s.role in ("merge", "activation", "matmul")} == {
        "add": "add",
        "mul": "mul",
        "cat": "cat",
        "add_relu": "relu",
        "matmul": "matmul",
    }
    f = torch.ao.nn.quantized.FloatFunctional()
    x, y = torch.tensor([[1.0]]), torch.tensor([[-3.0]])
    assert (f.add(x, y).item(), f.mul(x, y).item(), f.add_relu(x, y).item(), f.matmul(x, y).item()) == (-2, -3, 0, -3)
    assert f.cat([x, y]).flatten().tolist() == [1, -3]
    assert math.isclose(f.add_scalar(x, 2.0).item(), 3)
