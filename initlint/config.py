"""What a run was asked for: which rules, how loud, in which files. Where that is written down, see settings.py."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from initlint.findings import Severity
from initlint.globs import anchored, compiled

UNREADABLE = "INI001"  # a file that can't be read is told of whatever rules are selected, unless it is ignored
UNREADABLE_NAME = "unreadable-file"
UNUSED = "INI002"  # a comment of ours that silences nothing
ALL = "ALL"

DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)


class ConfigError(Exception):
    """A setting that makes no sense, in one line: where, what, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings that hold for a file. `select`, `ignore` and the first of each pair of `severity` and `bands` are
    beginnings of codes, or `ALL`.

    `exclude` and the keys of `per_file_ignores` are globs: one without a slash is compared with names, one with a
    slash with absolute paths (a relative one is taken to start from the working directory).
    """

    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    severity: tuple[tuple[str, Severity], ...] = ()
    fail_on: Severity = Severity.WARNING
    bands: tuple[tuple[str, tuple[float, float]], ...] = ()  # parts of signal and gradient that may be left
    force_exclude: bool = False
    respect_gitignore: bool = True
    cache_dir: str = ""  # absolute; "" for the one in the project
    file: str = ""  # where they are written, as reports show it; "" where nowhere

    def of(self, path: str) -> Config:  # noqa: ARG002 - as Configs has it
        return self

    def in_folder(self, folder: str) -> Config:  # noqa: ARG002 - as Configs has it
        return self


class Configs(Protocol):
    """Says which settings hold where: a `Config`, everywhere the same, or what the files of settings say."""

    def of(self, path: str) -> Config:
        """The settings for a file, which need not exist. Raises ConfigError."""
        raise NotImplementedError

    def in_folder(self, folder: str) -> Config:
        """The settings for the files of a folder. Raises ConfigError."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Overrides:
    """What was asked for on the command line or by the editor, which goes before what is written in files."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    extend_exclude: tuple[str, ...] = ()
    fail_on: Severity | None = None
    force_exclude: bool | None = None
    respect_gitignore: bool | None = None

    def over(self, config: Config) -> Config:
        """The settings with these before them. `select` replaces both of the file's lists, `ignore` is added."""
        if self == Overrides():
            return config
        here = os.getcwd()
        select = self.select or tuple(one for one in config.select if one == ALL or not one.startswith(self.ignore))
        exclude = tuple(anchored(glob, here) for glob in self.exclude) or config.exclude
        return replace(
            config,
            select=select if self.select or self.ignore else config.select,
            ignore=self.ignore if self.select else (*config.ignore, *self.ignore),
            exclude=(*exclude, *(anchored(glob, here) for glob in self.extend_exclude)),
            fail_on=config.fail_on if self.fail_on is None else self.fail_on,
            force_exclude=config.force_exclude if self.force_exclude is None else self.force_exclude,
            respect_gitignore=config.respect_gitignore if self.respect_gitignore is None else self.respect_gitignore,
        )


class Selection:
    """Which of some codes are on in which file."""

    __slots__ = ("codes", "configs", "known")

    def __init__(self, configs: Configs, codes: Collection[str]) -> None:
        self.configs = configs
        self.codes = frozenset(codes)
        self.known: dict[str, frozenset[str]] = {}

    def of(self, path: str) -> frozenset[str]:
        """The codes that are on in a file. Raises ConfigError."""
        found = self.known.get(path)
        if found is None:
            found = self.known[path] = selected(self.configs.of(path), self.codes, path)
        return found


def split_codes(values: Iterable[str]) -> tuple[str, ...]:
    """Codes from options that may be repeated and may hold lists: `INI2,INI301`."""
    return tuple(code for value in values for code in value.replace(",", " ").upper().split())


def selected(config: Config, codes: Collection[str], path: str | None = None) -> frozenset[str]:
    """The codes that are on, in a file or anywhere.

    Where `select` and `ignore` both name a code the longer prefix wins, then `ignore`; what is ignored for a file is.
    """
    here = () if path is None or not config.per_file_ignores else ignored_for(config, path)
    return frozenset(
        code
        for code in codes
        if longest(config.select, code, default=code == UNREADABLE) > longest(config.ignore, code)
        and longest(here, code) < 0
    )


def ignored_for(config: Config, path: str) -> tuple[str, ...]:
    """The beginnings of the codes that `per-file-ignores` has for a file."""
    absolute = os.path.abspath(path)
    shapes = {False: os.path.basename(absolute), True: absolute.replace(os.sep, "/")}
    found: list[str] = []
    for pattern, codes in config.per_file_ignores:
        glob = compiled([anchored(pattern, os.getcwd())])
        if glob is not None and glob.match(shapes["/" in pattern]):
            found += codes
    return tuple(found)


def longest(prefixes: Iterable[str], code: str, *, default: bool = False) -> int:
    """The length of the longest prefix of `code` among `prefixes`; -1 where there is none."""
    lengths = (0 if prefix == ALL else len(prefix) for prefix in prefixes if prefix == ALL or code.startswith(prefix))
    return max(lengths, default=0 if default else -1)


def severity_of(config: Config, code: str, measured: Severity) -> Severity:
    """How loud a finding is: as the settings say, by the longest prefix, else as it was measured."""
    found = closest([prefix for prefix, _ in config.severity], code)
    return measured if found is None else dict(config.severity)[found]


def band_of(config: Config, code: str) -> tuple[float, float] | None:
    """The band that the settings give to a rule, by the longest prefix; None where its own holds."""
    found = closest([prefix for prefix, _ in config.bands], code)
    return None if found is None else dict(config.bands)[found]


def bands_of(config: Config, codes: Iterable[str]) -> tuple[tuple[str, tuple[float, float]], ...]:
    """The bands that the settings give to rules, in order of their codes."""
    found = ((code, band_of(config, code)) for code in sorted(codes)) if config.bands else ()
    return tuple((code, band) for code, band in found if band is not None)


def closest(prefixes: Collection[str], code: str) -> str | None:
    """The longest of the prefixes that the code begins with."""
    if not prefixes:
        return None
    return max(
        (one for one in prefixes if longest([one], code) >= 0), key=lambda one: longest([one], code), default=None
    )


def unknown_code(text: str, names: Mapping[str, str]) -> str:
    """`no rule INI999; did you mean INI209?`"""
    import difflib

    by_name = {name.upper(): code for code, name in names.items()}
    close = difflib.get_close_matches(text.upper(), names, n=1, cutoff=0.8)
    close = close or difflib.get_close_matches(text.upper(), by_name, n=1)
    code = by_name.get(close[0], close[0]) if close else ""
    hint = f"did you mean {code} ({names[code]})?" if code else "`initlint rules` lists them"
    return f"no rule {text}; {hint}"
