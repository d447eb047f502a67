"""What a run takes in: the files that lead to a framework, as text, and the other files of their project."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from initlint import cells, discovery, garbage
from initlint.config import Config, Configs
from initlint.reach import Reach
from initlint.source import Source, Trouble, decode, is_notebook, read_bytes

Reader: TypeAlias = Callable[[str], Source | None]
Users: TypeAlias = Callable[[Sequence[Source], Collection[str], Configs, Reader], tuple[list[Source], frozenset[str]]]


def content(overlay: Mapping[str, bytes], path: str, shown: str) -> bytes | Trouble:
    """What is in a file, or stands for it. Raises FileNotFoundError and NotADirectoryError."""
    return overlay[where] if overlay and (where := os.path.abspath(path)) in overlay else read_bytes(path, shown)


def read_context(path: str, overlay: Mapping[str, bytes] = MappingProxyType({})) -> Source | None:
    """Another file of the project; None where it can't be read. Nothing is reported on it."""
    try:
        data = content(overlay, path, discovery.shown(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    source = data if isinstance(data, Trouble) else decode(data, discovery.shown(path))
    return None if isinstance(source, Trouble) else source


@dataclass(slots=True)
class Run:
    """One run as it goes: what was read, and what went wrong on the way."""

    configs: Configs = field(default_factory=Config)
    debug: bool = False
    context: Callable[[str], Source | None] = read_context
    fixes: bool = False  # whether fixes are to be planned
    overlay: Mapping[str, bytes] = field(default_factory=dict)  # what stands in files, by absolute path, instead
    sources: list[Source] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    unreadable: list[Trouble] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    files: int = 0
    users: Users | None = None  # finds the files that use the sources, where that is not to be done anew
    pulse: Callable[[], None] | None = None  # called now and then; what it raises ends the run
    size: int = 0  # of the texts of the sources, in characters
    jobs: int = 1  # processes that may take part; 0 for as many as pay
    named: set[str] = field(default_factory=set)  # absolute paths, those of files without a framework too

    def outline(self, source: Source) -> None:
        """Keeps outlines of the trees from here on."""
        from initlint.interpret.outlines import outline

        for one in (*self.sources, source) if not garbage.is_large(self.size - len(source.text)) else (source,):
            outline(one)

    def fault(self, where: str, error: Exception) -> None:
        """Notes a bug of ours; with `debug` it is raised instead."""
        if self.debug:
            raise error
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self.faults.append(f"{where}: initlint has a bug here, please report it: {what}")

    def add(self, source: Source | Trouble) -> None:
        """Takes in a file that mentions a framework, if it can be parsed."""
        if isinstance(source, Trouble):
            self.unreadable.append(source)
            return
        self.texts.update(source.documents())
        if source.skipped:
            return
        tree = source.tree()
        self.size += len(source.text)
        if garbage.is_large(self.size):
            self.outline(source)
        if isinstance(tree, Trouble):
            self.unreadable.append(cells.misplaced(source, tree))
        else:
            self.sources.append(source)


def gather(run: Run, paths: Sequence[str]) -> None:
    """Reads the files that lead to a framework; the others are counted only."""
    found = discovery.find(paths, run.configs)
    run.faults += [f"no such file or folder: {path}" for path in found.missing]
    run.unreadable += found.unreadable
    run.files += len(found.files)
    run.named |= {os.path.abspath(path) for path, _ in found.files}
    reach = Reach()
    later: list[tuple[str, str]] = []
    for path, shown in found.files:
        if not read(run, path, shown, reach.note):
            later.append((path, shown))
    for path, shown in later:
        if reach.reaches(path):
            read(run, path, shown)
    garbage.settle()


def read(run: Run, path: str, shown: str, wanted: Callable[[str, bytes], bool] = lambda _, __: True) -> bool:
    """Takes in a file if it is wanted; whether nothing more is to be done about it."""
    try:
        data: bytes | Source | Trouble = content(run.overlay, path, shown)
        if isinstance(data, bytes) and is_notebook(path):
            data = cells.read(data, shown)
        if isinstance(data, Trouble):
            run.unreadable.append(data)
        elif not wanted(path, data if isinstance(data, bytes) else data.text.encode("utf-8", "replace")):
            return False
        else:
            run.add(decode(data, shown) if isinstance(data, bytes) else data)
    except FileNotFoundError:  # gone since it was found
        run.faults.append(f"no such file or folder: {shown}")
    except Exception as error:  # noqa: BLE001 - our own bug, told once for this file
        run.fault(shown, error)
    return True


def take(run: Run, text: str | bytes, path: str) -> None:
    """Takes in one text."""
    run.files += 1
    run.named.add(os.path.abspath(path))
    shown = path if path == "-" else discovery.shown(path)
    reach = Reach()
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    source = cells.read(data, shown) if is_notebook(path) else None
    if isinstance(source, Trouble):
        run.unreadable.append(source)
    elif reach.note(path, data if source is None else source.text.encode("utf-8", "replace")) or reach.reaches(path):
        run.add(source or (decode(data, shown) if isinstance(text, bytes) else Source.of(shown, text)))
