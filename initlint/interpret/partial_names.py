"""Names that are known in part: of layers that Keras names itself, and of their weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from initlint.graph import Unknown

WEIGHTS: Final = frozenset(
    "kernel bias gamma beta embeddings recurrent depthwise pointwise moving_mean moving_variance scale".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialName(Unknown):
    """`known` is in the name. Of a layer (`numbered`), nothing but a number may follow: `dense_1`. Of a weight, the
    names of layers may come before, and in TensorFlow `:0` behind: `dense/kernel:0`."""

    known: str
    numbered: bool

    def holds(self, part: str) -> bool | None:
        """`part in name`."""
        if part in self.known:
            return True
        return self._not(self._core(part) not in self.known if self.numbered else part in WEIGHTS)

    def begins(self, part: str) -> bool | None:
        if not self.numbered:
            return None if part else True
        if self.known.startswith(part):
            return True
        return self._not(not self.known.startswith(self._core(part)))

    def ends(self, part: str) -> bool | None:
        if not part:
            return True
        if self.numbered:
            return self._not(not self.known.endswith(self._core(part)))
        part = part.removesuffix(":0")
        if part and self.known.endswith(part):
            return True
        return self._not(part in WEIGHTS)

    def equals(self, other: str) -> bool | None:
        if self.numbered:
            return self._not(self._core(other) != self.known)
        last = other.removesuffix(":0").rpartition("/")[2]
        return self._not(last in WEIGHTS and last != self.known)

    @staticmethod
    def _core(part: str) -> str:
        """A part of a layer's name without the number that follows it."""
        return re.sub(r"(^|_)\d*$", "", part)

    @staticmethod
    def _not(impossible: bool) -> bool | None:
        return False if impossible else None
