"""What is let go of between entries, once it is much."""

from __future__ import annotations

from initlint import garbage
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.outlines import outline_of


def tidy(machine: Interpreter) -> None:
    """Drop what past entries have left behind, and what can be found again. Nothing may be under execution."""
    if not garbage.is_much(1 if garbage.is_large(machine.project.size) else garbage.SPARE):
        return
    outlined = False
    for unit in machine.project.units.values():
        outline = None if unit is None else outline_of(unit.source)
        if unit is not None and outline is not None:
            outlined = True
            outline.put_away()
            unit.places.clear()
            unit.source.known.pop("lines", None)
    if outlined:
        machine.mentions.clear()
        machine.spans.clear()
    garbage.collect()
