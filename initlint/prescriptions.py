"""Which initializer suits the weights that one call writes, by what they feed.

The gain is the activation's own, from `activations.toml`: He's 1.41 is ReLU's, and overshoots before ELU. Where the
weights of one call need different things there is no answer, and the reason is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from initlint import strengths
from initlint.fan_modes import true_fans
from initlint.formulas import COMPOSED
from initlint.graph import Activation
from initlint.strengths import DESTINATIONS
from initlint.survey import MATRICES, Written

if TYPE_CHECKING:
    from initlint.graph import Layer, Weight

Facts: TypeAlias = dict[str, str]
Shape: TypeAlias = tuple[int | None, ...]

HE: Final = math.sqrt(2)
SPREAD: Final = 1.1  # gains that differ by less are served by one between them
CLOSE: Final = 0.05  # of the gain: He's own does where it is off by less
SLOPED: Final = {"leaky_relu": 0.01, "prelu": 0.25}


class Need(NamedTuple):
    """What one weight needs: a scheme (rectifier, selu, saturating, recurrent, any) and its gain."""

    scheme: str
    gain: float
    activation: str
    slope: float | None
    layer: str


class Undecided(Exception):
    """There is no one answer; the message says why."""


def prescription(written: Sequence[Written]) -> dict[str, str]:
    """The facts of an initializer that suits all of the weights. Raises Undecided.

    `scheme` is kaiming (with `nonlinearity` or `slope`), lecun, xavier (with `gain` where it is not 1), orthogonal, or
    scaled (a normal with `gain` / sqrt(fan_in), where `fan` is what to ask a weight for to have its true fan_in; of
    Keras the one of its fans that is this);
    `framework` is torch or keras, `distribution` normal or uniform; `vectors` is yes where the call writes biases too.
    """
    if not written:
        raise Undecided("what the call writes is not known")
    aside = [one for one in written if one.weight.role not in MATRICES]
    written = [one for one in written if one.weight.role in MATRICES]
    other = sorted({f"{one.layer.name}.{one.weight.name}" for one in aside if not _vector(one.weight)})
    if other or not written:
        raise Undecided(f"the call writes {_listed(other)} too, which needs something else")
    if aside:
        return {**prescription(written), "vectors": "yes"}
    needs = [need(one) for one in written]
    framework = "keras" if _is_keras(written[0]) else "torch"
    facts = {"distribution": _distribution(written), "framework": framework}
    schemes = {one.scheme for one in needs} - {"any"}
    fan = true_fan(written)
    stride = stretch(written)
    if not schemes:
        return {**facts, **balanced(written, fan, stride), "for": "a linear output"}
    if schemes == {"recurrent"}:
        if {one.scheme for one in needs} == {"recurrent"} or len({one.layer for one in needs}) == 1:
            return {**facts, "scheme": "orthogonal", "for": "a recurrent matrix"}
        raise Undecided(_different(needs))
    if len(schemes) > 1:
        raise Undecided(_different(needs))
    decided = [one for one in needs if one.scheme != "any"]
    _unchosen(written, needs)
    names = " and ".join(sorted({one.activation for one in decided}))
    (scheme,) = schemes
    if scheme == "selu":
        return {**facts, **lecun(fan, stride), "for": names}
    if scheme == "saturating":
        return {**facts, **balanced(written, fan, stride), "for": names}
    return {**facts, **rectified(decided, written, fan, stride), "for": names}


def _unchosen(written: Sequence[Written], needs: Sequence[Need]) -> None:
    """Raises Undecided where a layer that feeds no activation gets another law through the same call: a choice of its
    own, as that of a small head (`layer_init(nn.Linear(64, 2), std=0.01)`)."""
    laws = {_scale(one) for one, own in zip(written, needs, strict=True) if own.scheme != "any"}
    for one, own in zip(written, needs, strict=True):
        if own.scheme == "any" and one.event.explicit and _scale(one) not in laws:
            raise Undecided(f"{one.layer.name} gets an initializer of its own through the same call")


def _scale(one: Written) -> tuple[str, float | None]:
    """The initializer and the number that it is given; of what is computed by fans only the initializer."""
    law = strengths.law(one.weight, one.event)
    fans = law is None or law.fan or one.event.fan is not None
    given = strengths.given_gain(one.event) if fans or law is None else law.scale
    return strengths.technique(one.weight, one.event), given


def need(one: Written) -> Need:
    """What one weight needs. Raises Undecided where what it feeds is not known."""
    layer, weight = one.layer, one.weight
    if weight.role == "recurrent" or layer.internal not in ((), None):
        return Need("recurrent" if weight.role == "recurrent" else "any", 1.0, layer.kind, None, layer.name)
    if layer.activations is None:
        raise Undecided(f"what {layer.name} feeds is not known")
    found = {
        replace(edge.activation, place=None) for edge in one.flow.after(layer.index) if edge.activation is not None
    }
    named = {activation.name for activation in found} | DESTINATIONS
    found |= {Activation(name) for name in layer.activations if name not in named}
    if not found:
        return Need("any", 1.0, "", None, layer.name)
    needs = {_by_activation(activation, layer) for activation in found}
    if len({(one.scheme, one.gain) for one in needs}) > 1:
        raise Undecided(
            f"{layer.name} feeds {_listed(sorted(map(strengths.shown, found)))}, which need different gains"
        )
    return min(needs)


def _by_activation(activation: Activation, layer: Layer) -> Need:
    name, slope = activation.name if activation.composed is None else COMPOSED, activation.parameter
    if name == "selu":
        return Need("selu", 1.0, name, None, layer.name)
    kind, gain, shown = strengths.kind_of(activation), strengths.gain_of(activation), strengths.shown(activation)
    if kind == "saturating":
        return Need("saturating", 1.0, shown, None, layer.name)
    composed = activation.composed is not None and strengths.followed(activation)  # whatever kind it is of
    if gain is None or not (composed or (kind == "rectifier" and activation.composed is None)):
        raise Undecided(f"there is no gain for {shown}, which {layer.name} feeds")
    slope = (SLOPED[name] if slope is None else slope) if name in SLOPED else None  # ELU's alpha is none
    return Need("rectifier", gain, shown, slope, layer.name)


def lecun(fan: str, stride: float = 1.0) -> dict[str, str]:
    """A variance of 1 / fan_in."""
    return {"scheme": "scaled", "gain": _digits(stride, fan), "fan": fan} if fan else {"scheme": "lecun"}


def _digits(gain: float, fan: str) -> str:
    """A gain as code has it; of Keras, which takes its square, more exactly."""
    return f"{gain:.6g}" if fan in KERAS_FANS else f"{gain:.4g}"


def balanced(written: Sequence[Written], fan: str, stride: float = 1.0) -> dict[str, str]:
    """Xavier's scheme; LeCun's where torch counts one of the fans wrong."""
    for one in written:
        counted, true = strengths.fans(one.weight)[:2], true_fans(one.layer, one.weight) or (None, None)
        if None not in {*counted, *true} and not _is_keras(one):
            ratio = sum(f or 0 for f in counted) / max(1, sum(f or 0 for f in true))
            if not 0.5 <= ratio <= 2:
                return lecun(fan, stride)
    return {"scheme": "xavier"}


def stretch(written: Sequence[Written]) -> float:
    """What the gain is to be multiplied by where transposed convolutions have a stride: each of their sums has only
    fan_in / stride^rank entries. Raises Undecided."""
    found = {strengths.thinning(one.layer) for one in written}
    if len(found) > 1:
        raise Undecided("the layers have strides that need different gains")
    return math.sqrt(found.pop())


def true_fan(written: Sequence[Written]) -> str:
    """What to ask a weight for to have its fan_in; "" where the framework's own is right. Raises Undecided."""
    if any(map(_is_keras, written)):
        return _keras_fan(written)
    known = [one for one in written if one.layer.kernel is one.weight and one.layer.fan_in and not _is_keras(one)]
    wrong = [
        one
        for one in known
        if strengths.fans(one.weight)[0] not in {None, one.layer.fan_in}
        or ("Transpose" in one.layer.kind and one.layer.dilution > 1)
    ]
    if not wrong:
        return ""
    for code, of_shape in FANS.items():
        if all(one.weight.shape and of_shape(one.weight.shape) == one.layer.fan_in for one in known):
            return code
    raise Undecided(f"torch takes another fan than the true one of {wrong[0].layer.name}")


def _keras_fan(written: Sequence[Written]) -> str:
    """The one of the fans that Keras counts that is the true fan_in: of transposed and of depthwise kernels the other
    one. "" where it is the one that initializers take. Raises Undecided."""
    known = [one for one in written if one.layer.kernel is one.weight and one.layer.fan_in]
    turned = [one for one in written if "Transpose" in one.layer.kind]
    if all(strengths.fans(one.weight)[0] in {None, one.layer.fan_in} for one in known) and not turned:
        return ""
    fits = len(turned) == len(written) or len(known) == len(written)
    if fits and all(strengths.fans(one.weight)[1] in {None, one.layer.fan_in} for one in known):
        return KERAS_FANS[1]
    raise Undecided(f"Keras takes another fan than the true one of {min(one.layer.name for one in known or written)}")


KERAS_FANS: Final = ("fan_in", "fan_out")


def _but(shape: Shape, axis: int) -> int | None:
    """How many entries the others have."""
    sizes = [size for i, size in enumerate(shape) if i != axis]
    return None if None in sizes else math.prod(size or 0 for size in sizes)


FANS: Final[Mapping[str, Callable[[Shape], int | None]]] = {
    "shape[0]": lambda shape: shape[0] if len(shape) == 2 else None,
    "shape[-2]": lambda shape: shape[-2] if len(shape) > 2 else None,
    "shape[-1]": lambda shape: shape[-1],
    "[:, 0].numel()": lambda shape: _but(shape, 1) if len(shape) > 1 else None,
}


def rectified(needs: Sequence[Need], written: Sequence[Written], fan: str, stride: float = 1.0) -> dict[str, str]:
    """The scheme before rectifiers, all served by one gain. Raises Undecided."""
    gains = sorted(one.gain for one in needs)
    if gains[-1] / gains[0] > SPREAD:
        raise Undecided(_different(needs))
    slopes = {one.slope for one in needs}
    gain = math.sqrt(gains[0] * gains[-1])
    if fan:
        return {"scheme": "scaled", "gain": _digits(gain * stride, fan), "fan": fan}
    if len(slopes) == 1 and None not in slopes:
        (slope,) = slopes
        return {"scheme": "kaiming", "slope": f"{slope:g}"}
    if abs(HE / gain - 1) <= CLOSE and abs(HE / gains[-1] - 1) <= CLOSE:
        return {"scheme": "kaiming", "nonlinearity": "relu"}
    told = f"{gain:.4g}"
    if all(_square(one.weight) for one in written):
        return {"scheme": "xavier", "gain": told}
    return {"scheme": "scaled", "gain": told, "fan": "[0].numel()"}


def _square(weight: Weight) -> bool:
    fan_in, fan_out, _ = strengths.fans(weight)
    return fan_in is not None and fan_in == fan_out


def _distribution(written: Iterable[Written]) -> str:
    """Uniform where the code has a uniform initializer now."""
    techniques = {strengths.technique(one.weight, one.event) for one in written if one.event.explicit}
    return "uniform" if techniques and all(name.endswith("uniform") for name in techniques) else "normal"


def _is_keras(one: Written) -> bool:
    """Keras counts the fans by its own layout of kernels."""
    return one.layer.qualified.startswith("keras.")


def _vector(weight: Weight) -> bool:
    return weight.shape is not None and len(weight.shape) < 2


def _different(needs: Iterable[Need]) -> str:
    told = dict.fromkeys(
        f"{one.layer} before {one.activation} (gain {one.gain:.3g})" if one.scheme != "recurrent" else one.layer
        for one in needs
        if one.scheme != "any"
    )
    return f"one call initializes layers that need different things: {_listed(list(told))}"


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def in_the_way(written: Sequence[Written], facts: Facts) -> str:
    """Why a loop over all modules of these kinds would do harm; "" where it would not."""
    kinds = {one.layer.kind for one in written}
    own = {(id(one.flow), one.layer.index) for one in written}
    for flow in {id(one.flow): one.flow for one in written}.values():
        for layer in flow.context.layers:
            kernel = layer.kernel
            if layer.kind not in kinds or kernel is None or (id(flow), layer.index) in own:
                continue
            events = kernel.effective()
            if any(event is None or event.explicit for event in events):
                return f"{layer.name} is a {layer.kind} too, and has an initializer of its own"
            try:
                both = prescription([*(Written(flow, layer, kernel, e) for e in events if e), *written])
            except Undecided as error:
                return str(error)
            if both != facts:
                return f"{layer.name} is a {layer.kind} too, and needs something else"
    return ""
