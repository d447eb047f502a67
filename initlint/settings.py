"""Where settings are written: `initlint.toml`, and `[tool.initlint]` in pyproject.toml.

As Ruff has it: for each linted file the nearest one above it holds, alone; nothing is merged. A key that is unknown or
has a wrong value is a `ConfigError` that names file, line and key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from initlint.config import ALL, DEFAULT_EXCLUDE, Config, ConfigError, Overrides, unknown_code
from initlint.discovery import shown
from initlint.findings import Severity
from initlint.globs import anchored, compiled
from initlint.source import Trouble, read_bytes

OWN: Final = "initlint.toml"
SHARED: Final = "pyproject.toml"
SECTION: Final = ("tool", "initlint")
LONGEST_VALUE: Final = 2000  # lines; further on the line of a key is not looked for

Table: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]


class Settings:
    """The settings for each file: those of the nearest file above it, or of `fixed`, with `overrides` before them.

    What was read once is not read again: to see what changed since, make another one.
    """

    __slots__ = ("fixed", "folders", "overrides")

    def __init__(self, overrides: Overrides | None = None, fixed: Config | None = None) -> None:
        self.overrides = overrides or Overrides()
        self.fixed = None if fixed is None else self.overrides.over(fixed)
        self.folders: dict[str, Config] = {}

    def of(self, path: str) -> Config:
        """The settings for a file, which need not exist. Raises ConfigError."""
        return self.in_folder(os.path.dirname(path))

    def in_folder(self, folder: str) -> Config:
        """The settings for the files of a folder. Raises ConfigError."""
        if self.fixed is not None:
            return self.fixed
        found = self.folders.get(folder)
        if found is None:
            found = self.folders[folder] = self.nearest(os.path.abspath(folder))
        return found

    def nearest(self, folder: str) -> Config:
        """What holds in an absolute folder; what lies between it and where that is written is remembered too."""
        passed = []
        while (config := self.folders.get(folder)) is None:
            passed.append(folder)
            written = in_folder(folder)
            above = os.path.dirname(folder)
            if written is not None or above == folder:
                config = self.overrides.over(written or Config())
                break
            folder = above
        self.folders.update(dict.fromkeys(passed, config))
        return config


def in_folder(folder: str) -> Config | None:
    """The settings that are written in a folder itself; its `initlint.toml` goes before its pyproject.toml."""
    for name in (OWN, SHARED):
        path = os.path.join(folder, name)
        try:
            data = read_bytes(path, path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if name == SHARED and (isinstance(data, Trouble) or b"initlint" not in data):
            continue  # somebody else's, and none of it is ours
        config = Written(path, data).config(folder)
        if config is not None:
            return config
    return None


def in_file(path: str) -> Config:
    """The settings in a file that was asked for; its globs are relative to the working directory."""
    try:
        data = read_bytes(path, path)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"no such file: {path}") from None
    config = Written(path, data).config(os.getcwd())
    if config is None:
        raise ConfigError(f"{path}: no table [tool.initlint] in it")
    return config


class Written:
    """A file of settings as it is read."""

    __slots__ = ("section", "shown", "text")

    def __init__(self, path: str, data: bytes | Trouble) -> None:
        self.shown = shown(path)
        if isinstance(data, Trouble):
            raise ConfigError(f"{self.shown}: {data.message}")
        try:
            self.text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ConfigError(f"{self.shown}:{line}: not UTF-8, which TOML has to be") from None
        self.section: Path = SECTION if os.path.basename(path) == SHARED else ()

    def config(self, folder: str) -> Config | None:
        """The settings, their globs relative to a folder; None where the file has no section of ours."""
        import tomli

        try:
            document: Any = tomli.loads(self.text)
        except tomli.TOMLDecodeError as error:
            found = re.fullmatch(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
            message, line = (found[1], found[2]) if found else (str(error), None)
            at = int(line) if line else self.text.rstrip("\n").count("\n") + 1
            raise ConfigError(f"{self.shown}:{at}: not valid TOML: {message[:1].lower()}{message[1:]}") from None
        except RecursionError:
            raise ConfigError(f"{self.shown}: nested too deeply") from None
        for depth, key in enumerate(self.section):
            if not isinstance(document, dict) or key not in document:
                return None
            document = document[key]
            if not isinstance(document, dict):
                self.fail(self.section[: depth + 1], f"expected a table, got {spelled(document)}")
        values = {}
        for key, value in document.items():
            if key not in KEYS:
                self.unknown_key(key)
            field, read = KEYS[key]
            values[field] = read(self, (*self.section, key), value)
        exclude = (*values.get("exclude", DEFAULT_EXCLUDE), *values.pop("extend_exclude", ()))
        values["exclude"] = tuple(anchored(glob, folder) for glob in exclude)
        ignores = values.get("per_file_ignores", ())
        values["per_file_ignores"] = tuple((anchored(glob, folder), codes) for glob, codes in ignores)
        if "cache_dir" in values:
            values["cache_dir"] = os.path.abspath(os.path.join(folder, values["cache_dir"]))
        return Config(**values, file=self.shown)

    def fail(self, path: Path, what: str) -> NoReturn:
        """Raises ConfigError for the value at a path."""
        told = "".join(f"[{part}]" if isinstance(part, int) else f".{key(part)}" for part in path)
        raise ConfigError(f"{self.shown}:{line_of(self.text, path)}: {told.removeprefix('.')}: {what}")

    def unknown_key(self, name: str) -> NoReturn:
        if name == "tool" and not self.section:
            self.fail((name,), f"in {OWN} the keys stand at the top, without [tool.initlint]")
        self.fail((*self.section, name), f"unknown key; {meant(name, KEYS)}")

    # What a value has to be. Each returns it as Config has it.

    def codes(self, path: Path, value: object) -> tuple[str, ...]:
        return tuple(self.code((*path, i), one) for i, one in enumerate(self.texts(path, value)))

    def code(self, path: Path, text: str) -> str:
        prefix = text.strip().upper()
        wrong = unknown_prefix(prefix)
        if wrong:
            self.fail(path, wrong)
        return prefix

    def globs(self, path: Path, value: object) -> tuple[str, ...]:
        globs = self.texts(path, value)
        for i, glob in enumerate(globs):
            self.check_glob((*path, i), glob)
        return globs

    def check_glob(self, path: Path, glob: str) -> None:
        wrong = wrong_glob(glob)
        if wrong:
            self.fail(path, wrong)

    def texts(self, path: Path, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            self.fail(path, f"expected an array of strings, got {spelled(value)}")
        for i, one in enumerate(value):
            if not isinstance(one, str):
                self.fail((*path, i), f"expected a string, got {spelled(one)}")
        return tuple(value)

    def table(self, path: Path, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(path, f"expected a table, got {spelled(value)}")
        return value

    def codes_by_glob(self, path: Path, value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found = []
        for glob, codes in self.table(path, value).items():
            self.check_glob((*path, glob), glob)
            found.append((glob, self.codes((*path, glob), codes)))
        return tuple(found)

    def severities(self, path: Path, value: object) -> tuple[tuple[str, Severity], ...]:
        table = self.table(path, value).items()
        return tuple((self.code((*path, code), code), self.severity((*path, code), loud)) for code, loud in table)

    def severity(self, path: Path, value: object) -> Severity:
        names = [str(severity) for severity in reversed(Severity)]
        if not isinstance(value, str) or value not in names:
            hint = f"; {meant(value, names)}" if isinstance(value, str) else ""
            self.fail(path, f"expected a severity, got {spelled(value)}{hint}")
        return Severity[value.upper()]

    def bands(self, path: Path, value: object) -> tuple[tuple[str, tuple[float, float]], ...]:
        table = self.table(path, value).items()
        return tuple((self.code((*path, code), code), self.band((*path, code), band)) for code, band in table)

    def band(self, path: Path, value: object) -> tuple[float, float]:
        numbers = [one for one in value if type(one) in {int, float}] if isinstance(value, list) else []
        if not isinstance(value, list) or len(value) != 2 or len(numbers) != 2:
            self.fail(path, f"expected the lowest and the highest signal, as in [0.1, 10.0], got {spelled(value)}")
        low, high = map(float, numbers)
        if not 0 <= low < 1 < high:
            self.fail(path, f"expected a band around 1, as in [0.1, 10.0], got {spelled(value)}")
        return low, high

    def flag(self, path: Path, value: object) -> bool:
        if not isinstance(value, bool):
            self.fail(path, f"expected true or false, got {spelled(value)}")
        return value

    def path(self, path: Path, value: object) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            self.fail(path, f"expected the path of a folder, got {spelled(value)}")
        return value


KEYS: Final[Mapping[str, tuple[str, Callable[[Written, Path, object], Any]]]] = {
    "select": ("select", Written.codes),
    "ignore": ("ignore", Written.codes),
    "per-file-ignores": ("per_file_ignores", Written.codes_by_glob),
    "exclude": ("exclude", Written.globs),
    "extend-exclude": ("extend_exclude", Written.globs),
    "severity": ("severity", Written.severities),
    "fail-on": ("fail_on", Written.severity),
    "bands": ("bands", Written.bands),
    "force-exclude": ("force_exclude", Written.flag),
    "respect-gitignore": ("respect_gitignore", Written.flag),
    "cache-dir": ("cache_dir", Written.path),
}


def unknown_prefix(prefix: str) -> str:
    """What is wrong with the beginning of a code; nothing where a code begins with it."""
    from initlint.schema import codes

    if prefix == ALL or (prefix and any(code.startswith(prefix) for code in codes())):
        return ""
    from initlint.rulebook import all_rules

    return unknown_code(prefix, {code: rule.name for code, rule in all_rules().items()})


def wrong_glob(glob: str) -> str:
    """What is wrong with a glob; nothing where it is one."""
    try:
        compiled([glob])
    except (ValueError, re.error) as error:
        return f"not a glob: {error}"
    return ""


def meant(text: str, choices: Collection[str]) -> str:
    """`did you mean select?`, else what there is."""
    import difflib

    near = difflib.get_close_matches(text.lower().replace("_", "-"), choices, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(choices)}"


def key(part: str) -> str:
    """A key as TOML writes it."""
    return part if re.fullmatch(r"[\w-]+", part, re.ASCII) else '"' + part.replace('"', '\\"') + '"'


def spelled(value: object) -> str:
    """A value for a message."""
    if isinstance(value, dict):
        return "a table"
    text = (
        '"' + value + '"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
    )
    return text if len(text) <= 60 else f"{text[:57]}..."


def line_of(text: str, path: Path) -> int:
    """The line, from 1, on which the value at a path begins: the first up to which a TOML parser has met the path."""
    import tomli

    keys = [part for part in path if isinstance(part, str)]
    lines = text.split("\n")
    word = re.compile(rf"(?<![\w-]){re.escape(keys[-1])}(?![\w-])") if keys else re.compile("")
    for number, line in enumerate(lines, start=1):
        if not word.search(line):
            continue
        for end in range(number, min(len(lines), number + LONGEST_VALUE) + 1):
            try:
                document: Any = tomli.loads("\n".join(lines[:end]))
            except tomli.TOMLDecodeError:
                continue  # in the middle of a value
            if holds(document, keys):
                return number
            break
    return 1


def holds(document: Any, keys: list[str]) -> bool:
    for part in keys:
        if not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return True
