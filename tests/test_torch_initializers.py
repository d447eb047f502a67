"""Witness: every spelling of rules/techniques.toml that is torch's own, and its law, is asked of the real torch."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from initlint.knowledge import REQUIRED, InitializerSpec, knowledge, law_of

INITIALIZERS = knowledge().initializers
IN_NAMESPACE = {q.rpartition(".")[2]: spec for q, spec in INITIALIZERS.items() if q.startswith("torch.nn.init.")}
METHODS = {q.rpartition(".")[2]: spec for q, spec in INITIALIZERS.items() if q.startswith("Tensor.")}
LARGEST = 6  # ranks that are tried


def filled(function: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The tensor after the call, with a fixed seed; deprecation warnings of the old names are no matter here."""
    torch.manual_seed(0)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(tensor, *args, **kwargs)
    return tensor


def required(spec: InitializerSpec) -> dict[str, Any]:
    """Arguments without which the call is not complete."""
    given = {"sparsity": 0.5, "val": 0.5, "p": 0.5}
    return {p.spelled: given[p.name] for p in spec.parameters if p.default is REQUIRED}


def test_every_function_of_the_namespace_is_known() -> None:
    """All of torch.nn.init's public functions are initializers or known names; private ones are known to exist."""
    names = knowledge().init_names
    functions = {
        name for name, f in vars(nn.init).items() if inspect.isfunction(f) and f.__module__ == nn.init.__name__
    }
    assert set(nn.init.__all__) <= names
    assert functions - names == set()
    assert {name for name in names if not hasattr(nn.init, name)} == set()
    assert set(nn.init.__all__) - set(IN_NAMESPACE) == {"calculate_gain"}


def test_every_name_that_code_may_take_from_the_namespace_is_known() -> None:
    assert {name for name in vars(nn.init) if not name.startswith("_")} - {"annotations"} <= knowledge().init_names


@pytest.mark.parametrize("word, meant", knowledge().init_words.items())
def test_words_of_the_literature_lead_to_torchs(word: str, meant: str) -> None:
    begin = {name.partition("_")[0] for name in vars(nn.init) if name.endswith("_")}
    assert meant in begin
    assert word not in begin


@pytest.mark.parametrize("name", [n for n in IN_NAMESPACE if n.endswith("_")])
def test_signatures(name: str) -> None:
    """Names and defaults of what follows the tensor."""
    first, *rest = inspect.signature(getattr(nn.init, name)).parameters.values()
    assert first.name == "tensor"
    spec = IN_NAMESPACE[name]
    assert [p.name for p in spec.parameters] == [p.name for p in rest]
    for ours, theirs in zip(spec.parameters, rest, strict=True):
        assert ours.default == (REQUIRED if theirs.default is inspect.Parameter.empty else theirs.default)
        assert ours.spelled == theirs.name


@pytest.mark.parametrize("name", [n for n in IN_NAMESPACE if not n.endswith("_")])
def test_deprecated_names(name: str) -> None:
    """An old name does what the row of the new one says."""
    spec = IN_NAMESPACE[name]
    assert spec.parameters == IN_NAMESPACE[f"{name}_"].parameters
    shape = (4, 4, 3) if spec.technique == "dirac" else (4, 4)
    old, new = (filled(getattr(nn.init, n), torch.empty(shape), **required(spec)) for n in (name, f"{name}_"))
    assert torch.equal(old, new)
    with pytest.warns(FutureWarning, match="deprecated"):
        getattr(nn.init, name)(torch.empty(shape), **required(spec))


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    """In-place methods: what they call their parameters, in which order, and with which defaults."""
    spec = METHODS[name]
    method = getattr(Tensor, name)
    if spec.technique == "copy":
        assert torch.equal(
            filled(method, torch.empty(3), other=torch.arange(3.0), non_blocking=False), torch.arange(3.0)
        )
        return
    other = {"a": 3, "b": 9, "val": 2.5, "p": 0.25}
    fixed = [p for p in spec.parameters if p.name != "generator"]
    some = {p.spelled: other.get(p.name, 1.5) for p in fixed}
    by_keyword = filled(method, torch.empty(50), **some)
    assert torch.equal(by_keyword, filled(method, torch.empty(50), *some.values()))
    defaults = {p.spelled: p.default for p in fixed if p.default is not REQUIRED and p.default is not None}
    if name == "random_":  # only both bounds, or none
        defaults = {}
    plain = filled(method, torch.empty(50), **required(spec))
    assert torch.equal(plain, filled(method, torch.empty(50), **required(spec) | defaults))
    assert fixed == list(spec.parameters) or spec.parameters[-1].kind == "keyword"


def test_functions_beside_methods() -> None:
    """torch.zero_ and torch.fill_ are the methods."""
    assert torch.equal(filled(torch.zero_, torch.ones(3)), torch.zeros(3))
    assert torch.equal(filled(torch.fill_, torch.ones(3), 2.0), torch.full((3,), 2.0))
    assert {q for q in INITIALIZERS if q.startswith("torch.") and "init" not in q} == {"torch.zero_", "torch.fill_"}


@pytest.mark.parametrize("name", IN_NAMESPACE)
def test_ranks(name: str) -> None:
    """It raises exactly for tensors of fewer or more dimensions than its row says."""
    spec = IN_NAMESPACE[name]
    for rank in range(LARGEST + 1):
        fits = spec.minimum_rank <= rank <= spec.maximum_rank
        try:
            filled(getattr(nn.init, name), torch.empty((2,) * rank), **required(spec))
            raised = ""
        except (ValueError, RuntimeError) as error:
            raised = str(error)
        assert (raised == "") is fits, (rank, raised)
        if raised:
            assert spec.fan_based is ("Fan in and fan out" in raised)


# Two sets of arguments for each, as the framework spells them after the canonical names.
MOMENTS: dict[str, list[dict[str, Any]]] = {
    "zeros": [{}],
    "ones": [{}],
    "constant": [{"val": 0.25}, {"val": -3.0}],
    "normal": [{}, {"mean": 0.5, "std": 0.02}],
    "uniform": [{}, {"a": -0.1, "b": 0.3}],
    "trunc_normal": [{}, {"std": 0.02}, {"mean": 0.3, "std": 2.0, "a": -1.0, "b": 0.5}, {"a": 1.5, "b": 4.0}],
    "xavier_uniform": [{}, {"gain": 1.5}],
    "xavier_normal": [{}, {"gain": 0.3}],
    "kaiming_uniform": [{}, {"a": math.sqrt(5)}, {"mode": "fan_out", "nonlinearity": "relu"}, {"nonlinearity": "selu"}],
    "kaiming_normal": [{}, {"a": 0.2, "mode": "fan_out"}, {"nonlinearity": "tanh"}, {"a": 0.2, "nonlinearity": "relu"}],
    "orthogonal": [{}, {"gain": 2.0}],
    "sparse": [{"sparsity": 0.1}, {"sparsity": 0.75, "std": 0.5}],
    "identity": [{}],
    "exponential": [{}, {"lambd": 3.0}],
    "bernoulli": [{}, {"p": 0.2}],
    "log_normal": [{"mean": 0.1, "std": 0.4}, {"mean": -1.0, "std": 0.2}],
    "geometric": [{"p": 0.5}, {"p": 0.2}],
    "random": [{"a": -3, "b": 8}, {"a": 0, "b": 2}],
}
SHAPE = (320, 240)  # fan_out, fan_in


@pytest.mark.parametrize(
    "qualified, arguments",
    [
        pytest.param(q, arguments, id=f"{q}-{i}")
        for q, spec in INITIALIZERS.items()
        if q.startswith(("torch.nn.init.", "Tensor.")) and spec.technique not in ("dirac", "cauchy", "copy")
        for i, arguments in enumerate(MOMENTS[spec.technique])
    ],
)
def test_moments(qualified: str, arguments: dict[str, Any]) -> None:
    """Mean and variance of the entries are those of the law, for every spelling and several sets of arguments."""
    spec = INITIALIZERS[qualified]
    owner = nn.init if qualified.startswith("torch") else Tensor
    spelled = {p.name: p.spelled for p in spec.parameters}
    given = {spelled[name]: value for name, value in arguments.items()}
    tensor = filled(getattr(owner, qualified.rpartition(".")[2]), torch.empty(SHAPE, dtype=torch.float64), **given)
    law = law_of(spec.law, arguments)
    assert law is not None
    variance = law.variance(SHAPE[1], SHAPE[0])
    assert variance is not None
    if spec.technique in ("identity", "orthogonal"):  # patterns: the mean square, exactly
        assert float((tensor**2).mean()) == pytest.approx(variance, rel=1e-9)
        return
    share = float((tensor - law.mean).square().mean())
    assert share == pytest.approx(variance, rel=0.05 if spec.technique == "log_normal" else 0.02)
    assert float(tensor.mean()) == pytest.approx(law.mean, abs=5 * math.sqrt(variance / tensor.numel()) + 1e-12)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(8, 6, 3), (6, 8, 3, 3), (8, 8, 1, 3, 3)])
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    """The mean square of a dirac kernel is one over its larger true fan."""
    tensor = filled(nn.init.dirac_, torch.empty(shape), groups=groups)
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(tensor)
    law = law_of("dirac", {"groups": groups})
    assert law is not None
    assert float((tensor**2).mean()) == pytest.approx(law.variance(fan_in, fan_out // groups))


@pytest.mark.parametrize("shape", [(30, 4, 3), (6, 8, 3, 3)])
def test_orthogonal_kernels(shape: tuple[int, ...]) -> None:
    """A kernel is flattened to (out, rest) and made orthogonal: the law needs its positions to undo the fan_out."""
    tensor = filled(nn.init.orthogonal_, torch.empty(shape, dtype=torch.float64))
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(tensor)
    law = law_of("orthogonal", {})
    assert law is not None
    positions = math.prod(shape[2:])
    assert float((tensor**2).mean()) == pytest.approx(law.variance(fan_in, fan_out, positions), rel=1e-9)


def test_default_of_linear_and_convolution() -> None:
    """kaiming_uniform_(a=sqrt(5)) is U(±1 / sqrt(fan_in)), of variance 1 / (3 fan_in)."""
    law = law_of("kaiming_uniform", {"a": math.sqrt(5)})
    assert law is not None
    for module in (nn.Linear(300, 400), nn.Conv2d(30, 400, 3)):
        fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(module.weight)
        assert law.variance(fan_in, fan_out) == pytest.approx(1 / (3 * fan_in))
        assert float(module.weight.detach().var()) == pytest.approx(1 / (3 * fan_in), rel=0.02)
        assert float(module.weight.detach().abs().max()) == pytest.approx(1 / math.sqrt(fan_in), rel=1e-3)


@pytest.mark.parametrize(
    "qualified, arguments",
    [
        ("torch.nn.init.normal_", {"std": -1.0}),
        ("torch.nn.init.uniform_", {"a": 1.0, "b": 0.0}),
        ("torch.nn.init.kaiming_normal_", {"mode": "fan_avg"}),
        ("torch.nn.init.kaiming_normal_", {"nonlinearity": "gelu"}),
        ("Tensor.bernoulli_", {"p": 1.5}),
        ("Tensor.geometric_", {"p": 0.0}),
        ("Tensor.random_", {"a": 5, "b": 5}),
    ],
)
def test_what_torch_rejects_has_no_law(qualified: str, arguments: dict[str, Any]) -> None:
    """The real call raises, and law_of answers None."""
    spec = INITIALIZERS[qualified]
    owner = Tensor if qualified.startswith("Tensor") else nn.init
    spelled = {p.name: p.spelled for p in spec.parameters}
    given = {spelled[name]: value for name, value in arguments.items()}
    with pytest.raises((ValueError, RuntimeError)):
        filled(getattr(owner, qualified.rpartition(".")[2]), torch.empty(4, 4), **given)
    assert law_of(spec.law, arguments) is None


def test_modes_are_read_without_case() -> None:
    """The mode is lower-cased by torch, so FAN_OUT is one."""
    loud, quiet = (filled(nn.init.kaiming_normal_, torch.empty(6, 4), mode=mode) for mode in ("FAN_OUT", "fan_out"))
    assert torch.equal(loud, quiet)
    assert law_of("kaiming_normal", {"mode": "FAN_OUT"}) == law_of("kaiming_normal", {"mode": "fan_out"}) is not None
