"""What puts an initializer object of Keras right that several layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from initlint.prescriptions import Undecided
from initlint.sharing import Shared

if TYPE_CHECKING:
    from initlint.subject import Subject
    from initlint.survey import Survey

# Initializers without arguments, which a string makes anew for each layer.
BY_NAME: Final = frozenset(f"{name}_{shape}" for name in ("he", "glorot", "lecun") for shape in ("normal", "uniform"))


def argument(subjects: Sequence[Subject], survey: Survey) -> dict[str, str]:
    """What the argument should say: `form` is write (in the place of what is there) or clone."""
    first = subjects[0]
    assert isinstance(first, Shared)
    if first.spelling in BY_NAME:
        return {"form": "write", "right": f'"{first.spelling}"'}
    if first.seeded:
        raise Undecided("a copy of the initializer would have its seed too, and draw the same values")
    return {"form": "clone"}
