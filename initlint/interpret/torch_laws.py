"""What scaling and shifting a tensor does to the law of its values."""

from __future__ import annotations

from initlint.graph import InitEvent
from initlint.interpret.machine import Arguments
from initlint.interpret.values import Value
from initlint.knowledge import law_of


def changed_law(event: InitEvent, method: str, args: Arguments) -> dict[str, Value] | None:
    """Name and arguments after an in-place step, where the law stays a named one."""
    numbers: dict[str, Value] = dict(event.args)
    amount = args[0] if args else None
    if event.name == "uniform" and method == "erfinv_":  # the inverse of the normal distribution's integral
        return {"name": "trunc_normal", "mean": 0.0, "std": 0.7071067811865476}
    if method == "mul_" and amount == 0 and isinstance(amount, (int, float)):
        return {"name": "zeros"}
    factor = factor_of(method, args)
    if factor is not None:
        return scaled(event, factor)
    if method in ("add_", "sub_") and isinstance(amount, (int, float)) and event.name in ("normal", "trunc_normal"):
        shift = amount if method == "add_" else -amount
        mean = numbers.get("mean", 0.0)
        if isinstance(mean, (int, float)):
            return {"name": event.name, **numbers, "mean": mean + shift}
    return None


def factor_of(method: str, args: Arguments) -> float | None:
    """What an in-place step multiplies a tensor by, where that is a known number other than zero."""
    amount = args[0] if args else None
    if method not in ("mul_", "div_") or not isinstance(amount, (int, float)) or not amount:
        return None
    return amount if method == "mul_" else 1 / amount


def scaled(event: InitEvent, factor: float) -> dict[str, Value] | None:
    """The law of `factor` times a tensor with this law, where it has a name."""
    factor = float(factor)  # an int, as the code may have it, stays one where this is not compiled
    numbers: dict[str, Value] = dict(event.args)
    if event.name in ("kaiming_uniform", "kaiming_normal"):
        return _scaled_kaiming(event, factor)
    defaults: dict[str, dict[str, float]] = {
        "normal": {"mean": 0.0, "std": 1.0},
        "trunc_normal": {"mean": 0.0, "std": 1.0},
        "uniform": {"a": 0.0, "b": 1.0},
        "constant": {"val": 0.0},
        "orthogonal": {"gain": 1.0},
        "xavier_uniform": {"gain": 1.0},
        "xavier_normal": {"gain": 1.0},
    }
    if event.name == "zeros":
        return {"name": "zeros"}
    if event.name == "ones":
        return {"name": "constant", "val": factor}
    if event.name not in defaults:
        return None
    result: dict[str, Value] = {"name": event.name}
    for key, default in defaults[event.name].items():
        value = numbers.get(key, default)
        if not isinstance(value, (int, float)):
            result[key] = value
        else:
            result[key] = value * abs(factor) if key in ("std", "gain") else value * factor
    if event.name == "uniform" and factor < 0:
        result["a"], result["b"] = result["b"], result["a"]
    return result


def _scaled_kaiming(event: InitEvent, factor: float) -> dict[str, Value] | None:
    """Kaiming's initializers have no argument for a factor; variance scaling is what they are then."""
    law = law_of(event.name, dict(event.args))
    if law is None:
        return None
    distribution = "uniform" if law.distribution == "uniform" else "untruncated_normal"
    return {
        "name": "variance_scaling",
        "scale": law.scale * factor**2,
        "mode": law.fan,
        "distribution": distribution,
    }
