"""Incidents as rules look at them: what is wrong by itself, with the facts that its message needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint.findings import Site
from initlint.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import Incident
    from initlint.source import Place

LONGEST = 60  # characters of code in a message


@dataclass(frozen=True, slots=True)
class Event(Subject):
    """An incident: something that is wrong by itself."""

    flow: Flow
    incident: Incident

    @property
    def place(self) -> Place:
        return self.incident.place

    @property
    def sites(self) -> tuple[Site, ...]:
        layers = self.flow.context.layers
        return tuple(Site(layers[i].name, layers[i].place, "layer") for i in self.incident.layers)

    @property
    def marks(self) -> frozenset[Hashable]:
        layers = [self.flow.context.layers[index] for index in self.incident.layers]
        return frozenset({self.place}) | {(layer.place, w.name) for layer in layers for w in layer.weights}

    @property
    def kind(self) -> str:
        return self.incident.kind

    @property
    def function(self) -> str | None:
        """The initializer that is called, without its module."""
        return self._fact("function")

    @property
    def argument(self) -> str | None:
        return self._fact("argument")

    @property
    def value(self) -> str | None:
        return self._fact("value")

    @property
    def number(self) -> str | None:
        """The value as the code has it, where that is no text."""
        return self._fact("number")

    @property
    def expression(self) -> str | None:
        """The tensor, or the statement, as the code has it."""
        found = self._fact("expression")
        return found if found is None or len(found) <= LONGEST else f"{found[: LONGEST - 3]}..."

    @property
    def rank(self) -> str | None:
        """How many dimensions the tensor has."""
        return self._fact("rank")

    @property
    def shape(self) -> str | None:
        """The tensor's sizes: `16x8`."""
        return self._fact("shape")

    @property
    def needs(self) -> str | None:
        """How many it should have."""
        return self._fact("needs")

    @property
    def assigned(self) -> str | None:
        """The method that is assigned to instead of called."""
        return self._fact("method") if self.incident.fact("what") == "method-assigned" else None

    @property
    def module(self) -> str | None:
        """Class of the module that stands where a tensor should."""
        return self._fact("module")

    @property
    def missing(self) -> str | None:
        """The name that the framework does not have."""
        return self._fact("name")

    @property
    def home(self) -> str:
        """Where the name was looked for."""
        return self._fact("home") or "torch.nn.init"

    @property
    def hint(self) -> str | None:
        """The name that was probably meant."""
        return self._fact("hint")

    def _fact(self, name: str) -> str | None:
        return self.incident.fact(name) or None

    @property
    def certain(self) -> bool:
        return self.incident.certain
