"""What is let go of: between entries, once it is much, and of a construction that is begun again."""

from __future__ import annotations

from initlint import garbage
from initlint.graph import Unknown
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.outlines import outline_of
from initlint.interpret.project import Unit
from initlint.interpret.tensors import Tensor
from initlint.interpret.values import flatten


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


def forget_tensors(unit: Unit) -> None:
    """Take the data of its statements from a file's variables: each entry has a graph of its own."""
    for name, value in unit.cell.items():
        if any(isinstance(part, Tensor) and part.node >= 0 for part in flatten(value)):
            unit.cell[name] = Unknown("a tensor of the script")


def again(machine: Interpreter) -> None:
    """Forget what a construction that raises has made; its steps count."""
    fuel, frames, deferring, surveying = machine.fuel, machine.frames, machine.deferring, machine.surveying
    machine.begin()
    machine.fuel, machine.frames, machine.deferring, machine.surveying = fuel, frames, deferring, surveying
