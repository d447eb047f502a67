"""The frame of whatever a rule may look at: where it stands, what names it, and what else it is about."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.findings import Site
    from initlint.source import Place


TEST_FILE: Final = re.compile(  # as pytest finds them, and what stands beside them
    r"(?:.*[/\\])?(?:tests[/\\].*|test_[^/\\]*|[^/\\]*_test|conftest)\.py"
)


@dataclass(frozen=True, slots=True)
class Subject(ABC):
    """What a rule may look at. Its other public properties are the vocabulary of [when]."""

    @property
    @abstractmethod
    def place(self) -> Place:
        """Where the finding stands."""

    @property
    def in_test(self) -> bool:
        """Whether it stands in a file of tests, where weights are set by hand so that the outcome is known."""
        return TEST_FILE.fullmatch(self.place.file) is not None

    @property
    def site(self) -> Hashable:
        """What the contexts have to agree on."""
        return self.place

    @property
    def marks(self) -> frozenset[Hashable]:
        """What precedence compares."""
        return frozenset({self.site})

    @property
    def sites(self) -> tuple[Site, ...]:
        """The layers that it is about."""
        return ()

    @property
    def related(self) -> tuple[Site, ...]:
        """Other places that explain it."""
        return ()
