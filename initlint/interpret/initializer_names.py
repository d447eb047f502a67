"""Names that code takes from torch.nn.init, and whether they are there."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from initlint.interpret.machine import Machine
from initlint.interpret.tensors import Param, View
from initlint.interpret.values import Frame, Value, options

INITIALIZERS: Final = "torch.nn.init"


def is_known(machine: Machine, name: str) -> bool:
    """Whether torch.nn.init has this name; those that begin with an underscore are its own affair."""
    return name.startswith("_") or name in machine.knowledge.init_names


def check_initializer(machine: Machine, name: str, node: ast.AST, frame: Frame) -> None:
    """Note a name that torch.nn.init does not have, with the one that was probably meant."""
    if is_known(machine, name):
        return
    facts = {"name": name}
    meant = nearest(machine, name)
    if meant:
        facts["hint"] = meant
    machine.incident(
        "unknown-initializer", node, frame, facts, raises="ImportError" if isinstance(node, ast.alias) else ""
    )


def note_targets(machine: Machine, name: str, args: Sequence[Value]) -> None:
    """A call of a name that is not there: the incident is about the tensors that it was to write."""
    for (kind, place), incident in machine.incidents.items():
        if kind == "unknown-initializer" and incident.fact("name") == name and not incident.fact("home"):
            params = [one.param if isinstance(one, View) else one for value in args for one in options(value)]
            about = machine.incident_layers.setdefault((kind, place), [])
            about += [one for one in params if isinstance(one, Param) and one not in about]


KERAS: Final = "keras.initializers"
KERAS_FAMILIES: Final = {"xavier": "glorot", "kaiming": "he", "msra": "he", "trunc": "truncated"}
KERAS_OTHERS: Final = frozenset("Initializer STFT STFTInitializer stft get serialize deserialize".split())
REGISTERED: Final = "custom_object"  # names of one's own, found as they are
SERIALIZABLE: Final = "register_keras_serializable"  # found as `Package>Name` only


def check_keras(machine: Machine, name: str, node: ast.AST, frame: Frame, *, text: bool = False) -> None:
    """Note a name that keras.initializers does not have: in the code only where one is near it, as a string (`text`)
    unless the project registers names of its own, which no string means that lacks their package (`>`) and is nearly a
    name of Keras's."""
    qualified = f"{KERAS}.{name}"
    if name in KERAS_OTHERS or qualified in machine.knowledge.initializers or name.startswith("_"):
        return
    if text and (">" in name or mentions(machine, REGISTERED)):
        return
    from difflib import get_close_matches  # only where something is wrong

    known = sorted(q.rpartition(".")[2] for q in machine.knowledge.initializers if q.startswith(f"{KERAS}."))
    head, _, rest = name.lower().partition("_")
    wanted = f"{KERAS_FAMILIES[head]}_{rest.strip('_')}" if head in KERAS_FAMILIES else name
    close = get_close_matches(wanted, known, 1, 0.8) or get_close_matches(wanted.lower(), known, 1, 0.8)
    if not close and (not text or mentions(machine, SERIALIZABLE)):
        return
    facts = {"name": name, "home": KERAS, **({"hint": close[0]} if close else {})}
    raises = "ValueError" if text else "ImportError" if isinstance(node, ast.alias) else ""
    machine.incident("unknown-initializer", node, frame, facts, raises=raises)


def mentions(machine: Machine, word: str) -> bool:
    return any(word in unit.source.text for unit in machine.project.units.values() if unit is not None)


def nearest(machine: Machine, name: str) -> str:
    """The initializer that is called like this elsewhere, or whose name is nearly the same; "" where there is none."""
    from difflib import get_close_matches  # only where something is wrong

    here = [q.rpartition(".")[2] for q in machine.knowledge.initializers if q.startswith(f"{INITIALIZERS}.")]
    current = [known for known in here if known.endswith("_")]  # the others are deprecated
    head, _, rest = name.strip("_").lower().partition("_")
    head = machine.knowledge.init_words.get(head, head)
    wanted = f"{head}_{rest}_" if rest else f"{head}_"
    if wanted in current:
        return wanted
    close = get_close_matches(wanted, current, 2, 0.8)
    return close[0] if close else ""
