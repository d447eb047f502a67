"""How a file names what it imports, and how it would import something more: in its own style."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from initlint.edits import Edits, Unfit
from initlint.findings import TextEdit
from initlint.source import Point, Source, Span

if TYPE_CHECKING:
    from initlint.page import Page

NN: Final = "torch.nn"
KERAS: Final = "keras"
INIT: Final = "torch.nn.init"
TENSORFLOW: Final = "tensorflow"
HOMES: Final = {  # the packages that Keras is taken from, and how
    KERAS: "import keras",
    TENSORFLOW: "from tensorflow import keras",
    "tf_keras": "import tf_keras as keras",
    "keras_core": "import keras_core as keras",
}
OLDER: Final = frozenset({"tf_keras"})  # Keras 2


@dataclass(frozen=True, slots=True)
class Bound:
    """A name that an import at the top of the file binds, and what it stands for."""

    name: str
    stands_for: str
    statement: ast.Import | ast.ImportFrom


def bound(tree: ast.Module) -> Iterator[Bound]:
    """What the imports of the file's first level bind, and nothing later binds again."""
    again = rebound(tree)
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                if name not in again:
                    yield Bound(name, alias.name if alias.asname else name, node)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                name = alias.asname or alias.name
                if name not in again:
                    yield Bound(name, f"{node.module}.{alias.name}", node)


def rebound(tree: ast.Module) -> set[str]:
    """Names that something else than an import binds anywhere in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def spelled(page: Page, qualified: str, near: str = "") -> tuple[str, Edits]:
    """How the file names something of torch or Keras, and the edits that import it where it does not yet.

    `near` is an expression such as `init.xavier_uniform_` that names something in the same module: its style is taken.
    """
    tree = _tree(page.source)
    module, _, name = qualified.rpartition(".")
    beside = near.rpartition(".")[0]
    if beside and not any(one.name == beside and one.stands_for == TENSORFLOW for one in bound(tree)):
        return f"{beside}.{name}", ()  # TensorFlow itself has Keras's by older names only: `tf.ones_initializer`
    near = "" if beside else near
    names = {_own(one.stands_for): one.name for one in reversed(list(bound(tree)))}
    if qualified in names:
        return names[qualified], ()
    if near and (statement := _imports_from(tree, module)):
        return name, extend(page, statement, name)
    parts = qualified.split(".")
    for length in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:length])
        if head in names:
            return ".".join([names[head], *parts[length:]]), ()
    root = parts[0]
    home = _home(tree)
    if root == KERAS and home == TENSORFLOW in names:
        return f"{names[TENSORFLOW]}.{qualified}", ()
    if root in rebound(tree):
        raise Unfit(f"the file uses the name {root} for something else")
    if root == KERAS:
        return qualified, add(page, HOMES[home])
    if module in {NN, INIT}:
        return f"nn.{qualified.removeprefix('torch.nn.')}", add(page, "from torch import nn")
    return qualified, add(page, f"import {root}")


def _own(qualified: str) -> str:
    """Keras's own name of what other packages have of it: `keras.layers` for `tensorflow.keras.layers`."""
    root, _, rest = qualified.removeprefix(f"{TENSORFLOW}.").partition(".")
    return ".".join(filter(None, (KERAS, rest))) if root in HOMES and root != TENSORFLOW else qualified


def home(page: Page) -> str:
    """The package that the file takes Keras from."""
    return _home(_tree(page.source))


def _home(tree: ast.Module) -> str:
    packages = {_package(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)}
    return next((home for home in HOMES if home in packages), KERAS)


def _imports_from(tree: ast.Module, module: str) -> ast.ImportFrom | None:
    found = (node for node in tree.body if isinstance(node, ast.ImportFrom) and _own(node.module or "") == module)
    return next((node for node in found if node.names[0].name != "*"), None)


def extend(page: Page, statement: ast.ImportFrom, name: str) -> Edits:
    """One more name in a `from` import, where it belongs if the names are sorted, else at the end."""
    names = [alias.name for alias in statement.names]
    later = [i for i, other in enumerate(names) if other > name]
    index = later[0] if later and names == sorted(names) else len(names)
    if index < len(names):
        start = page.source.span(statement.names[index]).start
        return (TextEdit(Span(start, start), f"{name}, "),)
    end = page.source.span(statement.names[-1]).end
    return (TextEdit(Span(end, end), f", {name}"),)


def add(page: Page, statement: str) -> Edits:
    """A new import: before the first one of the same package, else after the last import, else after the docstring."""
    tree, source = _tree(page.source), page.source
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    kin = [node for node in imports if _package(node) == statement.split()[1].partition(".")[0]]
    plain = statement.startswith("import ")
    if kin:
        node = kin[0] if plain else kin[-1]
        line = node.lineno if plain else (node.end_lineno or node.lineno) + 1
    elif imports:
        line = (imports[-1].end_lineno or imports[-1].lineno) + 1
    elif tree.body and isinstance(first := tree.body[0], ast.Expr) and isinstance(first.value, ast.Constant):
        line = (first.end_lineno or first.lineno) + 1
    else:
        line = tree.body[0].lineno if tree.body else 1
    if line > len(source.lines):
        raise Unfit("there is no place for an import")
    at = Point(line, 1)
    return (TextEdit(Span(at, at), f"{statement}\n"),)


def _package(node: ast.Import | ast.ImportFrom) -> str:
    name = node.names[0].name if isinstance(node, ast.Import) else node.module or ""
    return name.partition(".")[0]


def _tree(source: Source) -> ast.Module:
    tree = source.tree()
    if not isinstance(tree, ast.Module):
        raise Unfit("the file is no valid Python")
    return tree
