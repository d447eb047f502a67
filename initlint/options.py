"""The options of the command line, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

import click

from initlint.config import Config, ConfigError, Configs, Overrides, split_codes
from initlint.findings import Severity
from initlint.terminal import Output

SEVERITIES = [str(severity) for severity in reversed(Severity)]

Command = TypeVar("Command", bound=Callable[..., object])
Options: TypeAlias = Mapping[str, object]  # what click makes of them, by their names

CONFIG = click.option(
    "--config", metavar="FILE", help="The settings; by default the nearest file above each linted one."
)
ISOLATED = click.option("--isolated", is_flag=True, help="Read no settings from files.")
CACHE_FOLDER = click.option(
    "--cache-dir", metavar="FOLDER", help="The cache; by default .initlint_cache in the project's root."
)


def file_options(command: Command) -> Command:
    """The options that say which files a run is about, where its settings are and where its output goes."""
    decorators = (
        click.argument("paths", nargs=-1, metavar="[PATH]..."),
        CONFIG,
        ISOLATED,
        click.option("--stdin-filename", metavar="FILE", help="The name of the file that `-` stands for."),
        click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out, instead of what is set."),
        click.option("--extend-exclude", multiple=True, metavar="GLOB", help="Leave these out too."),
        click.option(
            "--force-exclude/--no-force-exclude",
            default=None,
            help="Leave excluded files out even where they are named.",
        ),
        click.option("--respect-gitignore/--no-respect-gitignore", default=None, help="Leave out what git ignores."),
        click.option("--no-cache", is_flag=True, help="Neither use nor keep what runs come to."),
        CACHE_FOLDER,
        click.option(
            "--jobs",
            "-j",
            type=click.IntRange(0),
            default=0,
            metavar="N",
            help="Processes; by default, or with 0, one a processor where the files are enough to pay for it.",
        ),
        click.option("--output-file", "-o", metavar="FILE", help="Write there instead of to standard output."),
        click.option("--color/--no-color", default=None, help="Colours; by default on a terminal without NO_COLOR."),
        click.option("--debug", is_flag=True, hidden=True),
    )
    return decorated(command, decorators)


def cache_options(command: Command) -> Command:
    """The options that say which project's cache is meant."""
    return decorated(command, (CONFIG, ISOLATED, CACHE_FOLDER))


def rule_options(command: Command) -> Command:
    """The options that say what is looked for, and what makes a run fail."""
    decorators = (
        click.option("--select", multiple=True, metavar="CODES", help="Only these: codes or their beginnings (INI2)."),
        click.option("--ignore", multiple=True, metavar="CODES", help="Not these."),
        click.option(
            "--fail-on", type=click.Choice(SEVERITIES), help="What makes the exit status 1; by default warnings."
        ),
        click.option(
            "--show",
            type=click.Choice(SEVERITIES),
            help="The lowest severity to show; by default warnings to people, everything to programs.",
        ),
        click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of showing them."),
        click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found."),
    )
    return decorated(command, decorators)


def fix_options(command: Command) -> Command:
    """The options that say whether and what is fixed."""
    decorators = (
        click.option("--fix", is_flag=True, help="Fix what can be fixed without changing how a model trains."),
        click.option("--unsafe-fixes", is_flag=True, help="Also fixes that change that: another initializer, a call."),
        click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing."),
    )
    return decorated(command, decorators)


def decorated(command: Command, decorators: Sequence[Callable[[Command], Command]]) -> Command:
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def format_option(choices: Sequence[str]) -> Callable[[Command], Command]:
    return click.option(
        "--format", "--output-format", "format_", type=click.Choice(choices), default="text", show_default=True
    )


def configs(options: Options) -> Configs:
    """The settings of a run: those in files with what the options say before them. Raises ConfigError."""
    from initlint.settings import Settings, in_file

    fixed: Config | None = None
    if options["config"] is not None:
        if options["isolated"]:
            raise click.UsageError("--config and --isolated exclude each other")
        fixed = in_file(str(options["config"]))
    elif options["isolated"]:
        fixed = Config()
    return Settings(overrides(options) if "exclude" in options else None, fixed)


def overrides(options: Options) -> Overrides:
    fail_on = options.get("fail_on")
    return Overrides(
        select=codes(options, "select"),
        ignore=codes(options, "ignore"),
        exclude=globs(options, "exclude"),
        extend_exclude=globs(options, "extend_exclude"),
        fail_on=None if fail_on is None else Severity[str(fail_on).upper()],
        force_exclude=flag(options, "force_exclude"),
        respect_gitignore=flag(options, "respect_gitignore"),
    )


def codes(options: Options, name: str) -> tuple[str, ...]:
    """The beginnings of codes that an option names. Raises ConfigError for one that no code has."""
    found = split_codes(texts(options.get(name, ())))
    if found:
        from initlint.settings import unknown_prefix

        for prefix in found:
            wrong = unknown_prefix(prefix)
            if wrong:
                raise ConfigError(f"--{name}: {wrong}")
    return found


def globs(options: Options, name: str) -> tuple[str, ...]:
    """The globs of an option that may be repeated and may hold lists: `a,b`. Raises ConfigError."""
    found = tuple(glob for value in texts(options[name]) for glob in outside_braces(value) if glob)
    for glob in found:
        from initlint.settings import wrong_glob

        wrong = wrong_glob(glob)
        if wrong:
            raise ConfigError(f"--{name.replace('_', '-')}: {wrong}")
    return found


def outside_braces(text: str) -> Iterable[str]:
    """The parts between the commas that are in no braces."""
    begin = depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth <= 0:
            yield text[begin:i]
            begin = i + 1
    yield text[begin:]


def texts(value: object) -> Iterable[str]:
    assert isinstance(value, tuple)
    return map(str, value)


def flag(options: Options, name: str) -> bool | None:
    value = options[name]
    return None if value is None else bool(value)


def least_shown(options: Options, fail_on: Severity, *, to_people: bool) -> Severity:
    """The lowest severity to show. What makes a run fail is shown; what was asked for holds in every format."""
    if options["show"] is not None:
        return Severity[str(options["show"]).upper()]
    return min(Severity.WARNING, fail_on) if to_people else Severity.INFO


def cache_folder(options: Options, settings: Configs) -> str:
    """Where what runs came to is kept."""
    from initlint import cache

    given = options["cache_dir"]
    try:
        configured = settings.in_folder("").cache_dir
    except ConfigError:  # told where it matters
        configured = ""
    return cache.place(None if given is None else str(given), configured)


def output(options: Options) -> Output:
    file = options["output_file"]
    return Output(None if file is None else str(file), flag(options, "color"))
