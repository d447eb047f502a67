"""When objects that refer to each other are let go of.

A run makes few objects that it does not keep, and Python's collector, left alone, would walk all of them again and
again: so it is off while a run goes. Between entries it is asked to look at what is new since it last was, once
that is much; what it has seen then is not looked at again.
"""

from __future__ import annotations

import gc
from typing import Final

LARGE: Final = 6_000_000  # characters of code in a run from which on it keeps outlines instead of trees
MANY: Final = 500_000  # objects that can refer to others, of a hundred bytes and more each
SPARE: Final = 8  # times as many may pile up in a run over less code, for looking at them takes its time


def is_large(size: int) -> bool:
    """Whether a run over so many characters of code keeps outlines instead of trees."""
    return size > LARGE


def is_much(times: int = 1) -> bool:
    """Whether many objects are new since `settle` or `collect`: so many times MANY."""
    return gc.get_count()[0] >= times * MANY


def settle() -> None:
    """Counts what there is as old, without looking at it."""
    if not gc.get_freeze_count():  # else what was frozen would be looked at again
        gc.freeze()
        gc.unfreeze()


def collect_all() -> None:
    """Lets go of whatever nothing needs any more."""
    gc.collect()


def collect() -> None:
    """Lets go of what is new and that nothing needs any more."""
    gc.collect(0)
