"""What the fixtures of the interpreter say of themselves, as comments on the lines of their constructors.

    nn.Linear(8, 8)  # inspect: xavier_uniform(gain=1.0) -> relu|tanh norm
    conv3x3(8, 8)    # through: default -> relu

`inspect` stands at a constructor's first line, `through` at a call that returns a layer made
elsewhere. Several initializers are joined by ` or `; ` / ` precedes a recurrent weight's. `?`
is an initializer that can't be named, `-` no activation; `norm?` leaves open whether a norm
stands between, where some ways have one and others don't.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import io
import os
import re
import sys
import tokenize
from dataclasses import dataclass
from functools import cache
from typing import Any

from recording import Built, Line
from writes import Init

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures", "interpreter")
COMMENT = re.compile(r"#\s*(inspect|through):\s*(.+?)(?:\s*/\s*(.+?))?\s*->\s*(\S+)(?:\s+(norm\??))?\s*$")


@dataclass(frozen=True, slots=True)
class Expectation:
    """`norm` is None where both are true."""

    kind: str
    inits: frozenset[Init]
    recurrent: frozenset[Init]
    activations: frozenset[str]
    norm: bool | None


def names() -> list[str]:
    """The fixtures: files, and packages by the name of their folder."""
    found = [entry.removesuffix(".py") for entry in os.listdir(FOLDER) if not entry.startswith(("_", "."))]
    return sorted(found)


def files(name: str) -> list[str]:
    folder = os.path.join(FOLDER, name)
    if not os.path.isdir(folder):
        return [f"{folder}.py"]
    return sorted(
        os.path.join(place, entry)
        for place, _, entries in os.walk(folder)
        for entry in entries
        if entry.endswith(".py")
    )


def load(name: str) -> Built:
    """The model of a fixture's `example()` and its inputs, made anew."""
    for known in [known for known in sys.modules if known.split(".")[0] == name]:
        del sys.modules[known]
    path = os.path.join(FOLDER, name)
    path = os.path.join(path, "__init__.py") if os.path.isdir(path) else f"{path}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
        built: Built = module.example()
        return built
    finally:
        sys.dont_write_bytecode = written
        for known in [known for known in sys.modules if known.split(".")[0] == name]:
            del sys.modules[known]


@cache
def expected(name: str) -> dict[tuple[str, str, int], Expectation]:
    """By kind, file and line."""
    found = {}
    for path in files(name):
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and ("inspect:" in token.string or "through:" in token.string):
                one = expectation(token.string)
                found[one.kind, path, token.start[0]] = one
    return found


def expectation(comment: str) -> Expectation:
    match = COMMENT.match(comment)
    assert match is not None, f"not an expectation: {comment}"
    kind, inits, recurrent, activations, norm = match.groups()
    return Expectation(
        kind,
        frozenset(map(init, inits.split(" or "))),
        frozenset(map(init, recurrent.split(" or "))) if recurrent else frozenset(),
        frozenset(activations.split("|")) - {"-"},
        {None: False, "norm": True, "norm?": None}[norm],
    )


def init(text: str) -> Init:
    """`kaiming_normal(mode='fan_out')`, with torch's defaults for what is left out."""
    if text == "?":
        return Init("?")
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Name):
        return Init.of(node.id, {})
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    given: dict[str, Any] = {str(word.arg): ast.literal_eval(word.value) for word in node.keywords}
    return Init.of(node.func.id, given)


def shown(line: Line) -> str:
    return f"{os.path.relpath(line[0], FOLDER)}:{line[1]}"
