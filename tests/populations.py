"""Means over deep narrow networks under the real torch, where few of many draws make them.

A population is carried through the layers, each member behind matrices of its own, and after each layer members go on
as often as they weigh (sequential Monte Carlo; its estimates of means are right whatever the weights, Del Moral 2004).
A guess of what a signal will have become at the end weighs too (the twisted particle filter of Whiteley and Lee 2014).
Members are in groups that have nothing in common: what is told is a mean over groups, and its error is theirs.

A matrix drawn by torch's initializer serves several members, its columns times random signs of each member's own: that
is a matrix of the same law, and what it makes of another signal is nearly independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from torch_networks import Spec, function, network, technique

from initlint.fluctuations import Layer, run

GROUPS: Final = 20
TANGENTS: Final = 4  # small differences of a member, and gradients: fewer differ too much from their mean
FOLLOWED_BACK: Final = 10  # members of a group

GUESSED: Final = frozenset({"silu"})  # whose mean so few draws make that members have to be led there

Guess = Callable[[int, Tensor], Tensor]  # of a layer's number and second moments, in logs


@dataclass(frozen=True, slots=True)
class Weights:
    """Of each layer the matrices, and the signs of each member, as many for each matrix."""

    matrices: tuple[Tensor, ...]  # groups * matrices of a group, width, width
    signs: tuple[Tensor, ...]  # groups, matrices of a group, members for each, 1, width

    @property
    def each(self) -> int:
        return self.signs[0].shape[2]

    @property
    def members(self) -> int:
        return self.signs[0].shape[1] * self.each

    def few(self, each: int) -> Weights:
        """For fewer members."""
        return Weights(self.matrices, tuple(s[:, :, :each] for s in self.signs))

    def mapped(self, layer: int, h: Tensor) -> Tensor:
        """What each member's own matrix makes of its signals (groups, members, signals, width)."""
        signed = h.reshape(GROUPS, -1, self.each, *h.shape[2:]) * self.signs[layer]
        return torch.bmm(signed.flatten(2, 3).flatten(0, 1), self.matrices[layer].transpose(1, 2)).reshape(h.shape)

    def mapped_of(self, layer: int, member: Tensor, h: Tensor) -> Tensor:
        """The same of some members' (groups, some) signals (groups * some, signals, width)."""
        whole = (torch.arange(GROUPS)[:, None] * self.members + member).flatten()
        signs = self.signs[layer].reshape(-1, 1, h.shape[-1])[whole]
        return torch.bmm(h * signs, self.matrices[layer][whole // self.each].transpose(1, 2))


def drawn(spec: Spec, matrices: int, each: int, seed: int) -> Weights:
    """For networks of this width and technique, up to this depth."""
    torch.manual_seed(seed)
    init, _ = technique(spec)
    found, signs = [], []
    for _ in range(spec.depth):
        rows = torch.empty(GROUPS * matrices * spec.width, spec.width)
        init(rows)  # its fan_in is that of each
        found.append(rows.reshape(-1, spec.width, spec.width))
        signs.append(torch.randint(0, 2, (GROUPS, matrices, each, 1, spec.width)).float() * 2 - 1)
    return Weights(tuple(found), tuple(signs))


def guessed(spec: Spec, *, small: bool = False) -> Guess:
    """The model's own, of the signal or of what a small difference will have become; or that nothing changes."""
    if spec.activation not in GUESSED:
        return (lambda _, logs: 0 * logs) if small else (lambda _, logs: logs)
    steps, _ = network(spec)
    layers = [Layer(dense, steps[i + 1].function) for i, step in enumerate(steps) if (dense := step.dense) is not None]
    told = run(layers, 1.0, 2 / spec.width)
    assert told is not None
    factor = math.log(layers[0].dense.forward)
    of_layers = told.back if small else told.ahead

    def guess(layer: int, logs: Tensor) -> Tensor:
        if layer == spec.depth:
            return 0 * logs if small else logs
        return torch.from_numpy(np.interp(logs.numpy() + factor, told.points, of_layers[layer]))

    return guess


class Going:
    """What the members weighed last, and the mean of all that they weighed so far, in logs of each group."""

    def __init__(self, members: int) -> None:
        self.last = torch.zeros(GROUPS, members, dtype=torch.float64)
        self.mean = torch.zeros(GROUPS, dtype=torch.float64)

    def on(self, weights: Tensor) -> Tensor:
        """Who goes on, given the logs of weights."""
        new = (weights - self.last).exp()
        self.mean = self.mean + new.mean(dim=1).log()
        share = new.cumsum(1) / new.sum(dim=1, keepdim=True)
        at = (torch.arange(new.shape[1]) + torch.rand(GROUPS, 1, dtype=torch.float64)) / new.shape[1]
        kept = torch.searchsorted(share, at).clamp(max=new.shape[1] - 1)
        self.last = weights.gather(1, kept)
        return kept

    def expected(self, values: Tensor) -> Tensor:
        """The mean over networks of what members have now, of each group."""
        return self.mean.exp() * (values * (-self.last).exp()).mean(dim=1)


def taken(values: Tensor, kept: Tensor) -> Tensor:
    return values[torch.arange(GROUPS)[:, None], kept]


def squared(values: Tensor) -> Tensor:
    return values.square().mean(dim=-1).double()


def signals(spec: Spec, weights: Weights, guess: Guess) -> tuple[Tensor, Tensor]:
    """Of each group, after each layer: mean second moment, and half the mean square difference of two inputs."""
    activation = function(spec.activation)
    going = Going(weights.members)
    h = torch.randn(GROUPS, weights.members, 2, spec.width)
    second, difference = [], []
    for layer in range(spec.depth + 1):
        if layer:
            h = activation(weights.mapped(layer - 1, h))
        h = taken(h, going.on(guess(layer, squared(h).log()).logsumexp(dim=2)))
        second.append(going.expected(squared(h).mean(dim=2)))
        difference.append(going.expected(squared(h[:, :, 0] - h[:, :, 1]) / 2))
    return torch.stack(second, 1), torch.stack(difference, 1)


def responses(spec: Spec, weights: Weights, guess: Guess, depths: Collection[int]) -> tuple[Tensor, dict[int, Tensor]]:
    """Of each group: after each layer the mean square of what a small difference has become, relative to what it was;
    and that of the gradient at the input, relative to its size at the end, of networks of these depths."""
    activation = function(spec.activation)
    members = weights.members
    going = Going(members)
    start = x = torch.randn(GROUPS, members, 1, spec.width)
    v = torch.randn(GROUPS, members, TANGENTS, spec.width)
    grown = torch.zeros(GROUPS, members, dtype=torch.float64)
    v = v / squared(v).mean(dim=2).sqrt().float()[..., None, None]
    found, back, parents = [going.expected(grown.exp())], {}, []
    for layer in range(1, spec.depth + 1):
        z = weights.mapped(layer - 1, torch.cat([x, v], 2))
        before = z[:, :, :1].requires_grad_()
        after = activation(before)
        (rise,) = torch.autograd.grad(after.sum(), before)
        x, v = after.detach(), rise * z[:, :, 1:].detach()
        size = squared(v).mean(dim=2)
        grown = grown + size.log()
        kept = going.on(grown + guess(layer, squared(x)[..., 0].log()))
        x, v, grown = taken(x, kept), taken(v / size.sqrt().float()[..., None, None], kept), grown.gather(1, kept)
        found.append(going.expected(grown.exp()))
        parents.append(kept)
        if layer in depths:
            back[layer] = gradient(spec, weights, start, parents, going)
    return torch.stack(found, 1), back


def gradient(spec: Spec, weights: Weights, start: Tensor, parents: Sequence[Tensor], going: Going) -> Tensor:
    """By autograd, through the networks that some members have gone through."""
    member = torch.arange(FOLLOWED_BACK).expand(GROUPS, -1) * (start.shape[1] // FOLLOWED_BACK)
    last, path = going.last.gather(1, member), []
    for kept in reversed(parents):
        member = kept.gather(1, member)
        path.append(member)
    first = taken(start, path[-1]).reshape(-1, 1, spec.width).repeat(1, TANGENTS, 1).requires_grad_()
    h = first
    for layer, members in enumerate(reversed(path)):
        h = checkpoint(through, spec, weights, layer, members, h, use_reentrant=False)
    (g,) = torch.autograd.grad(h, first, torch.randn_like(h))
    total = squared(g).mean(dim=1).reshape(last.shape)
    return going.mean.exp() * (total * (-last).exp()).mean(dim=1)


def through(spec: Spec, weights: Weights, layer: int, members: Tensor, h: Tensor) -> Tensor:
    return function(spec.activation)(weights.mapped_of(layer, members, h))
