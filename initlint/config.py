"""What a run was asked for: which rules, which files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

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
    """A setting that makes no sense, in one line: what, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one run. `select` and `ignore` hold prefixes of codes, or `ALL`.

    `exclude` holds globs: one without a slash is compared with names, one with a slash with
    paths relative to the working directory.
    """

    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    force_exclude: bool = False
    respect_gitignore: bool = True


def split_codes(values: Iterable[str]) -> tuple[str, ...]:
    """Codes from options that may be repeated and may hold lists: `INI2,INI301`."""
    return tuple(code for value in values for code in value.replace(",", " ").upper().split())


def selected(config: Config, codes: Collection[str]) -> frozenset[str]:
    """The codes that are on. Where `select` and `ignore` both name a code the longer prefix wins, then `ignore`."""
    return frozenset(
        code
        for code in codes
        if longest(config.select, code, default=code == UNREADABLE) > longest(config.ignore, code)
    )


def longest(prefixes: Iterable[str], code: str, *, default: bool = False) -> int:
    """The length of the longest prefix of `code` among `prefixes`; -1 where there is none."""
    lengths = (0 if prefix == ALL else len(prefix) for prefix in prefixes if prefix == ALL or code.startswith(prefix))
    return max(lengths, default=0 if default else -1)


def check_codes(config: Config, names: dict[str, str]) -> None:
    """Raises ConfigError for a prefix that no code begins with. `names` maps codes to their rules' names."""
    for option, prefixes in (("--select", config.select), ("--ignore", config.ignore)):
        for prefix in prefixes:
            if prefix != ALL and not any(code.startswith(prefix) for code in names):
                raise ConfigError(f"{option}: {unknown_code(prefix, names)}")


def unknown_code(text: str, names: dict[str, str]) -> str:
    """`no rule INI999; did you mean INI209?`"""
    import difflib

    by_name = {name.upper(): code for code, name in names.items()}
    close = difflib.get_close_matches(text.upper(), names, n=1, cutoff=0.8)
    close = close or difflib.get_close_matches(text.upper(), by_name, n=1)
    code = by_name.get(close[0], close[0]) if close else ""
    hint = f"did you mean {code} ({names[code]})?" if code else "`initlint rules` lists them"
    return f"no rule {text}; {hint}"
