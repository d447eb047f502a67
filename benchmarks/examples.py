"""The numbers on the rules' pages that come of their own examples: run as they stand there on PyTorch and Keras.
`python benchmarks/examples.py` prints them, of some rules where it is given their codes; tests/test_rule_numbers.py
compares them with what the pages say."""

from __future__ import annotations

import math
import os
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import torch
from page_numbers import said, show, table
from torch import Tensor, nn

CHECKS: Final = Path(__file__).parents[1] / "rules" / "checks"
FORMS: Final = {"bad": "PyTorch, bad", "good": "PyTorch, good", "bad_keras": "Keras, bad", "good_keras": "Keras, good"}
LINE: Final = 96


def run(code: str, form: str) -> dict[str, Any]:
    """The names of an example of a rule after it has run."""
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    text = tomllib.loads((CHECKS / f"{code}.toml").read_text(encoding="utf-8"))[form]
    space: dict[str, Any] = {"__name__": "example"}
    exec(text, space)  # noqa: S102 - our own text
    return space


def made(code: str, form: str, *args: Any) -> Any:
    """The module that an example of PyTorch defines."""
    space = run(code, form)
    (kind,) = [
        v for v in space.values() if isinstance(v, type) and issubclass(v, nn.Module) and v.__module__ == "example"
    ]
    torch.manual_seed(0)
    return kind(*args)


def spread(weight: Tensor) -> str:
    return f"{float(weight.detach().std()):.3f}"


# -- what raises -----------------------------------------------------------------------------------------------------


def raised(code: str) -> str:
    """What the frameworks say to each example."""
    rows = []
    text = tomllib.loads((CHECKS / f"{code}.toml").read_text(encoding="utf-8"))
    for form, name in FORMS.items():
        if form in text:
            try:
                run(code, form)
            except Exception as error:  # noqa: BLE001 - whatever it is
                first = str(error).strip().splitlines()[0].partition(". ")[0].rstrip(".")
                told = f"{type(error).__name__}: {first}"
                rows.append([name, told if len(told) <= LINE else f"{told[: LINE - 3]}..."])
            else:
                rows.append([name, "runs"])
    return f"Run on torch {torch.__version__.partition('+')[0]} and Keras {keras.__version__}:\n\n{table(rows)}"


# -- what is written -------------------------------------------------------------------------------------------------


def unwritten() -> str:
    """How many entries nothing writes: torch fills new memory with NaN where it is asked to be deterministic."""
    rows = [["example", "entries that nothing wrote", "outputs that they reach"]]
    torch.use_deterministic_algorithms(True)
    try:
        for form in ("bad", "good"):
            model = made("INI104", form)
            entries = torch.cat([p.detach().flatten() for p in model.parameters()])
            reached = model(torch.ones(4, 8)).isnan().float().mean()
            rows.append([form, f"{int(entries.isnan().sum())} of {len(entries)}", f"{100 * float(reached):.0f} %"])
    finally:
        torch.use_deterministic_algorithms(False)
    return f"The memory filled with NaN before (`torch.use_deterministic_algorithms`):\n\n{table(rows)}"


def standard_deviations(code: str, names: Sequence[str], *args: Any) -> str:
    rows = [["weight", "bad", "good"]]
    models = [made(code, form, *args) for form in ("bad", "good")]
    rows += [[name, *(spread(model.get_parameter(name)) for model in models)] for name in names]
    return f"The standard deviation that a weight starts with:\n\n{table(rows)}"


def orthogonality(weight: Tensor) -> str:
    """How far W W^T is from the identity, at most."""
    gram = weight.detach() @ weight.detach().T
    return f"{float((gram - torch.eye(len(gram))).abs().max()):.2f}"


def overwritten() -> str:
    weights = [made("INI503", form).fc1.weight for form in ("bad", "good")]
    rows = [["fc1.weight", "bad", "good"], ["largest entry of W W^T - I", *map(orthogonality, weights)]]
    return f"What is left of the orthogonal matrix:\n\n{table([*rows, ['standard deviation', *map(spread, weights)]])}"


def on_a_copy() -> str:
    weights = [run("INI506", form)["layer"].weight for form in ("bad", "good")]
    rows = [["layer.weight", "bad", "good"], ["largest entry of W W^T - I", *map(orthogonality, weights)]]
    rows.append(["standard deviation", *map(spread, weights)])
    return f"What the weight has of the orthogonal matrix:\n\n{table(rows)}"


def clobbered() -> str:
    """How much of a checkpoint is left."""
    torch.manual_seed(1)
    state = nn.Sequential(nn.Conv2d(3, 64, 7), nn.ReLU(), nn.Conv2d(64, 64, 3)).state_dict()
    rows = [["weights of the backbone", "as they were loaded"]]
    for form in ("bad", "good"):
        backbone = made("INI504", form, state).backbone
        kept = sum(
            int((value == state[name]).sum()) for name, value in backbone.state_dict().items() if "bias" not in name
        )
        rows.append([form, f"{kept} of {sum(v.numel() for n, v in state.items() if 'bias' not in n)}"])
    return table(rows)


# -- what it does ----------------------------------------------------------------------------------------------------


def stuck() -> str:
    """How far an adapter gets in ten steps, in PyTorch and in Keras."""
    rows = [["example", "loss before", "after 10 steps of SGD", "largest gradient on the way"]]
    for form, name in FORMS.items():
        keras_made = "keras" in form
        model = run("INI105", form)["model"] if keras_made else made("INI105", form)
        generator = torch.Generator().manual_seed(0)
        x, turn = torch.randn(256, 64, generator=generator), torch.randn(64, 64, generator=generator) / 8
        weights = [w.value for w in model.trainable_weights] if keras_made else list(model.parameters())
        losses, largest = [], 0.0
        for _ in range(11):
            loss = (model(x) - x - x @ turn).square().mean()
            gradients = torch.autograd.grad(loss, weights)
            losses.append(float(loss.detach()))
            largest = max(largest, *(float(g.abs().max()) for g in gradients))
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.sub_(gradient)
        rows.append([name, f"{losses[0]:.3f}", f"{losses[-1]:.3f}", said(largest)])
    return f"An adapter that is to learn a linear map, rate 1:\n\n{table(rows)}"


def arguments() -> str:
    """What `nonlinearity` and slope make of the signal before ReLU."""
    gain = nn.init.calculate_gain
    calls = {
        'nonlinearity="relu"': {"nonlinearity": "relu"},
        'a=calculate_gain("relu")': {"a": gain("relu")},
        "a=0.25": {"a": 0.25},
        'nonlinearity="linear"': {"nonlinearity": "linear"},
        'nonlinearity="tanh"': {"nonlinearity": "tanh"},
    }
    rows = [["kaiming_normal_ with", "std, fan_in 64", "signal after 1 layer", "4 layers", "16 layers"]]
    for call, given in calls.items():
        kept: dict[int, list[float]] = {1: [], 4: [], 16: []}
        spreads = []
        for seed in range(32):
            torch.manual_seed(seed)
            x = torch.randn(64, 64)
            for depth in range(1, 17):
                weight = nn.init.kaiming_normal_(torch.empty(64, 64), **given)  # type: ignore[arg-type]
                spreads.append(float(weight.std()))
                x = (x @ weight.T).relu()
                if depth in kept:
                    kept[depth].append(math.log(float(x.square().mean())) / 2)
        means = [math.exp(sum(logs) / len(logs)) for logs in kept.values()]
        rows.append([call, f"{sum(spreads) / len(spreads):.3f}", *map(said, means)])
    return f"Through layers of width 64 with ReLU (sampled, 32 networks; 1 is right):\n\n{table(rows)}"


def experts() -> str:
    rows = [["example", "standard deviation", "fan that it is for", "signal behind it, of what went in"]]
    for form in ("bad", "good"):
        model = made("INI208", form)
        std = float(model.up.detach().std())
        x = torch.randn(8, 256, 64)
        rows.append([form, f"{std:.4f}", f"{1 / (3 * std**2):.0f}", said(float(model(x).detach().std() / x.std()))])
    return table(rows)


def unstable() -> str:
    """How much of the differences between inputs, and of a gradient, is left behind the stack."""
    rows = [["example", "differences between inputs that are left", "gradient at the first layer, of that at the last"]]
    for form, name in FORMS.items():
        signals, gradients = [], []
        for seed in range(16):
            model, kernels, body = stack(form, seed)
            x = torch.randn(128, 64)
            hidden, output = body(x).detach(), model(x)
            first, last = torch.autograd.grad((output * torch.randn(output.shape)).sum(), [kernels[0], kernels[-2]])
            signals.append(math.log(float((hidden - hidden.mean(0)).std())))
            gradients.append(math.log(float(first.norm() / last.norm())))
        rows.append([name, *(said(math.exp(sum(logs) / len(logs))) for logs in (signals, gradients))])
    return f"Eight layers of width 64 (sampled, 16 networks):\n\n{table(rows)}"


def stack(form: str, seed: int) -> tuple[Any, list[Tensor], Callable[[Tensor], Tensor]]:
    """A network of INI209, its kernels, and all of it but the head."""
    space = run("INI209", form)
    torch.manual_seed(seed)
    keras.utils.set_random_seed(seed)
    if "keras" not in form:
        net = space["Net"]()
        return net, [m.weight for m in net.modules() if isinstance(m, nn.Linear)], net.body
    model = space["model"]
    for layer in model.layers:
        layer.kernel.assign(layer.kernel_initializer.clone()(layer.kernel.shape))
    return model, [layer.kernel.value for layer in model.layers], keras.Model(model.inputs, model.layers[-2].output)


def decoders() -> str:
    """How flat the sigmoid at the end is where the outputs fall."""
    rows = [["example", "outputs below 0.05 or above 0.95", "slope of the sigmoid there, mean (at most 0.25)"]]
    for form, name in FORMS.items():
        model = made("INI401", form) if "keras" not in form else run("INI401", form)["model"]
        torch.manual_seed(0)
        output = model(torch.randn(512, 784)).detach()
        flat = ((output < 0.05) | (output > 0.95)).float().mean()
        rows.append([name, f"{100 * float(flat):.1f} %", said(float((output * (1 - output)).mean()))])
    return f"On inputs of variance 1:\n\n{table(rows)}"


MEASURED: Final[Mapping[str, Callable[[], str]]] = {
    "INI104": unwritten,
    "INI105": stuck,
    "INI206": arguments,
    "INI208": experts,
    "INI209": unstable,
    "INI401": decoders,
    "INI501": lambda: standard_deviations("INI501", ["fc1.weight"]),
    "INI502": lambda: standard_deviations("INI502", ["fc1.weight", "fc2.weight"]),
    "INI503": overwritten,
    "INI504": clobbered,
    "INI505": lambda: standard_deviations("INI505", ["conv.weight", "head.weight"]),
    "INI506": on_a_copy,
    **{f"INI60{number}": partial(raised, f"INI60{number}") for number in range(1, 9)},
}


if __name__ == "__main__":
    show(sys.argv[1:], MEASURED)
