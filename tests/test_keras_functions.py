"""Witness: the functions of rules/layers/keras_functions.toml are Keras's, and do what their role says."""

from __future__ import annotations

from typing import Any

import keras
import pytest
import torch

from initlint.interpret.keras_activations import function_of
from initlint.interpret.values import Symbol
from initlint.knowledge import FunctionSpec, canonical, knowledge

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own, on NumPy 2
canonical("keras.ops")
ALL = knowledge().functions
OPS = {q: spec for q, spec in ALL.items() if q.startswith("keras.") and q.split(".")[1] in ("ops", "activations")}
ACTIVATIONS = {q: spec for q, spec in OPS.items() if spec.role == "activation"}
STRINGS = sorted(keras.src.activations.ALL_OBJECTS_DICT)
NOT_OURS = {"sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus"}  # no row of activations.toml is the same
SAMPLE = torch.linspace(-5, 5, 40, dtype=torch.float64).reshape(4, 10)


def theirs(qualified: str) -> Any:
    found: Any = keras
    for part in qualified.split(".")[1:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("qualified", [q for q in OPS if not q.startswith("keras.backend")])
def test_it_exists(qualified: str) -> None:
    assert callable(theirs(qualified))


@pytest.mark.parametrize("qualified", [q for q, s in OPS.items() if s.role == "elementwise"])
def test_an_elementwise_function_keeps_the_shape(qualified: str) -> None:
    function = theirs(qualified)
    more = {"clip": (0.0, 1.0), "power": (2.0,), "fmod": (2.0,), "arctan2": (2.0,), "hypot": (1.0,), "mod": (2.0,)}
    name = qualified.rpartition(".")[2]
    data = SAMPLE.float()
    if name in ("heaviside", "ldexp"):
        result = function(data, keras.ops.ones_like(keras.ops.cast(data, "int32")))
    else:
        result = function(data, *more.get(name, ()))
    assert tuple(result.shape) == (4, 10)


def ours(spec: FunctionSpec, x: torch.Tensor) -> torch.Tensor:
    """What the activation's row means, by torch."""
    special: dict[str, Any] = {
        "exp": torch.exp,
        "sin": torch.sin,
        "cos": torch.cos,
        "gelu": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        "leaky_relu": lambda x: torch.nn.functional.leaky_relu(x, spec.default or 0.2),
        "softmax": lambda x: torch.softmax(x, -1),
        "log_softmax": lambda x: torch.log_softmax(x, -1),
        "threshold": lambda x: torch.nn.functional.threshold(x, 0.5, 0.0),
        "glu": lambda x: torch.nn.functional.glu(x, -1),
    }
    function = special.get(spec.name) or getattr(torch.nn.functional, spec.name)
    result: torch.Tensor = function(x)
    return result


@pytest.mark.parametrize("qualified", ACTIVATIONS)
def test_an_activation_is_the_one_that_its_row_names(qualified: str) -> None:
    """Equal to torch's function of that name, its slope included."""
    spec, function = ACTIVATIONS[qualified], theirs(qualified)
    result = function(SAMPLE, 0.5, 0.0) if spec.name == "threshold" else function(SAMPLE)
    wanted = ours(spec, SAMPLE)
    assert torch.allclose(torch.as_tensor(result, dtype=torch.float64), wanted, atol=2e-3)


@pytest.mark.parametrize("name", STRINGS)
def test_what_a_string_means(name: str) -> None:
    """`activation='...'`: every string that Keras takes is a function of ours, `linear` none."""
    found = function_of_string(name)
    if name == "linear":
        assert found is None
    elif name in NOT_OURS:
        assert not isinstance(found, Symbol)
    else:
        assert isinstance(found, Symbol)
        assert keras.activations.get(name) is theirs(found.qualified)


def function_of_string(name: str) -> object:
    class Machine:
        knowledge = knowledge()
        patches: dict[str, object] = {}  # noqa: RUF012

    return function_of(Machine(), name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "layer, name, slope",
    [
        (keras.layers.LeakyReLU(), "leaky_relu", 0.3),
        (keras.layers.ELU(), "elu", 1.0),
        (keras.layers.ReLU(), "relu", 0.0),
        (keras.layers.Softmax(), "softmax", None),
    ],
    ids=lambda part: getattr(part, "name", str(part)),
)
def test_layers_of_activations(layer: Any, name: str, slope: float | None) -> None:
    spec = knowledge().layers[f"keras.layers.{type(layer).__name__}"]
    assert spec.activation == name
    if spec.parameter:
        default = next(p.default for p in spec.parameters if p.name == spec.parameter)
        assert default == slope
        assert getattr(layer, spec.parameter) == slope
