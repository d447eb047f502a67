"""The signal through one layer by itself, as it is written and as its fix will write it.

It is the evidence for layers that stand in no run that the signal model follows: the gates of an LSTM, packed
projections, stacks of matrices, a transposed kernel at the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from initlint import strengths
from initlint.findings import Signal
from initlint.graph import Activation, Layer, Scalar
from initlint.network import Dense
from initlint.signals import exact, measured
from initlint.strands import NOMINAL, Link, Strand, strided
from initlint.subjects import Use

SCHEMES: Final = {"xavier": "xavier_normal", "lecun": "lecun_normal", "kaiming": "kaiming_normal"}


def evidence(use: Use, facts: Mapping[str, str]) -> tuple[Signal | None, Signal | None]:
    """What the layer makes of the signal, and what it will with what the facts of its remedy say."""
    return _signal(use, strengths.variance_ratio(_layer(use), use.weight, use.event)), _signal(
        use, prescribed(use, facts)
    )


def prescribed(use: Use, facts: Mapping[str, str]) -> float | None:
    """Variance of an entry times the entries of a sum, with the initializer that the facts ask for; None where they ask
    for none, or a size that it needs is unknown."""
    scheme = "orthogonal" if facts.get("remedy") == "orthogonal" else facts.get("scheme", "")
    args: tuple[tuple[str, Scalar], ...] = ()
    if "mode" in facts:
        kept = tuple((key, value) for key, value in use.event.args if key != "mode")
        event = replace(use.event, args=(*kept, ("mode", facts["mode"])))
        return strengths.variance_ratio(_layer(use), use.weight, event)
    if scheme == "scaled":
        return float(facts["gain"]) ** 2 / (strengths.thinning(use.layer) if use.layer.kernel is use.weight else 1)
    if scheme == "kaiming":
        args = (("a", float(facts["slope"])),) if "slope" in facts else (("nonlinearity", facts["nonlinearity"]),)
    elif "gain" in facts:
        args = (("gain", float(facts["gain"])),)
    name = SCHEMES.get(scheme, scheme)
    if not name:
        return None
    gates = int(facts.get("gates", "1"))
    event = replace(use.event, name=name, args=args, spelling="", factor=None, blocks=gates)
    return strengths.variance_ratio(_layer(use), use.weight, event)


def _layer(use: Use) -> Layer:
    """The layer with the fan_in that torch counts for stacked gates, which is the true one."""
    if use.layer.fan_in is None and use.weight.name.startswith("weight_ih"):
        return replace(use.layer, fan_in=strengths.fans(use.weight)[0])
    return use.layer


def _signal(use: Use, ratio: float | None) -> Signal | None:
    if ratio is None:
        return None
    fan_in = _layer(use).fan_in or NOMINAL
    here, _ = strided(use.layer, fan_in, fan_in)
    strand = Strand((Link(use.layer.index, Dense(ratio / here, here, here), _activation(use)),))
    return exact(strand) or measured(strand)


def _activation(use: Use) -> Activation | None:
    """The one that it feeds, where it is one that is followed; none for the matrices inside a layer."""
    found = {edge.activation for edge in use.flow.after(use.layer.index)}
    if use.internal or len(found) != 1:
        return None
    (one,) = found
    return one if one is not None and strengths.followed(one) else None
