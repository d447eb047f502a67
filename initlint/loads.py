"""Initializers that overwrite loaded weights, as a subject of rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from initlint.findings import Site
from initlint.subject import Subject

if TYPE_CHECKING:
    from initlint.chains import Flow
    from initlint.graph import Reload
    from initlint.source import Place

HEADS: Final = frozenset({"alone", "head", "starved"})
HEAD_NAMES: Final = re.compile(
    r"(^|[._])(\w*head\w*|fc|classifier|cls|logits|output|proj_out|score|predictor)(\.\d+)?$"
)


@dataclass(frozen=True, slots=True)
class Loss(Subject):
    """Loaded weights that an initializer overwrites."""

    flow: Flow
    reload: Reload

    @property
    def place(self) -> Place:
        return self.reload.place

    @property
    def sites(self) -> tuple[Site, ...]:
        layers = (self.flow.context.layers[i] for i in self.reload.layers)
        return tuple(Site(layer.name, layer.place, "layer") for layer in layers)

    @property
    def related(self) -> tuple[Site, ...]:
        return (Site(self.what, self.reload.load, "loaded here"),)

    @property
    def spelling(self) -> str:
        return self.reload.spelling.rpartition(".")[2]

    @property
    def what(self) -> str:
        """What brought the weights: a model from outside, or the checkpoint."""
        return self.reload.model or "load_state_dict"

    @property
    def line(self) -> int | None:
        return self.reload.load.told_line

    @property
    def whose(self) -> str:
        """The layers for a message; of a model from outside they are not known."""
        names = list(dict.fromkeys(site.name for site in self.sites))
        if not names:
            return "its layers"
        return f"{names[0]} and {len(names) - 1} more" if len(names) > 2 else " and ".join(names)

    @property
    def whole(self) -> bool:
        """Whether nothing of what was loaded is left."""
        return self.reload.whole

    @property
    def chosen(self) -> bool:
        """Whether it looks meant: only heads, or some layers where others of their kind keep what was loaded."""
        layers = [self.flow.context.layers[i] for i in self.reload.layers]
        heads = [self.flow.position(one.index) in HEADS or HEAD_NAMES.search(one.name) is not None for one in layers]
        return self.reload.alike or (bool(layers) and all(heads) and not self.reload.model)
