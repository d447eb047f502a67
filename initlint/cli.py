"""The command line: one of the two doors.

Heavy modules are imported inside the commands, so that `initlint --help` and a clean file
cost little more than click.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from initlint import __version__
from initlint.config import ALL, DEFAULT_EXCLUDE, Config, ConfigError, split_codes
from initlint.report import FOLDER, formats

if TYPE_CHECKING:
    from initlint.report._lines import Line
    from initlint.rulebook import Rule

OK, FOUND, BROKEN, INTERRUPTED = 0, 1, 2, 130
STDIN = "-"

Command = TypeVar("Command", bound=Callable[..., object])
Result = TypeVar("Result")


class Door(click.Group):
    """A group whose default command is `check`: `initlint src` is `initlint check src`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if args and args[0] not in own and args[0] not in self.commands:
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="initlint %(version)s")
def cli() -> None:
    """Find weight-initialization mistakes in PyTorch model code.

    `initlint PATH...` is short for `initlint check PATH...`.
    """


def file_options(command: Command) -> Command:
    """The options that say which files a run is about and where its output goes."""
    decorators = (
        click.argument("paths", nargs=-1, metavar="[PATH]..."),
        click.option("--stdin-filename", metavar="FILE", help="The name of the file that `-` stands for."),
        click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out, instead of the usual folders."),
        click.option("--extend-exclude", multiple=True, metavar="GLOB", help="Leave these out too."),
        click.option("--force-exclude", is_flag=True, help="Leave excluded files out even where they are named."),
        click.option("--respect-gitignore/--no-respect-gitignore", default=True, help="Leave out what git ignores."),
        click.option("--output-file", "-o", metavar="FILE", help="Write there instead of to standard output."),
        click.option("--color/--no-color", default=None, help="Colours; by default on a terminal without NO_COLOR."),
        click.option("--debug", is_flag=True, hidden=True),
    )
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def format_option(choices: Sequence[str]) -> Callable[[Command], Command]:
    return click.option(
        "--format", "--output-format", "format_", type=click.Choice(choices), default="text", show_default=True
    )


@cli.command(short_help="Lint files and folders; the default command.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these: codes or their beginnings (INI2,INI301).")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these.")
@format_option(formats())
@click.option("--quiet", "-q", is_flag=True, help="Findings only: no summary.")
@file_options
def check(select: Sequence[str], ignore: Sequence[str], format_: str, quiet: bool, **options: object) -> int:
    """Lint files and folders (by default the working directory); `-` is standard input."""
    from initlint import pipeline
    from initlint.findings import Severity

    config = configured(options, split_codes(select) or (ALL,), split_codes(ignore))
    report = asked(options, config, pipeline.lint_paths, pipeline.lint_source)
    told(report.faults)
    if not report.files and not report.unreadable and not report.faults:
        complain("warning: no Python files found in these paths")
    if format_ == "text":
        from initlint.report.text import layout

        if report.findings or not quiet:
            write_lines(lambda width: layout(report, width, closing=not quiet), options, styled=bool(report.findings))
    else:
        from initlint.report import renderer

        write(renderer(format_)(report), options)
    if report.faults:
        return BROKEN
    return FOUND if any(finding.severity >= Severity.WARNING for finding in report.findings) else OK


@cli.command(short_help="Show what is understood of every weighted layer.")
@format_option(formats(f"{FOLDER}/inspection"))
@file_options
def inspect(format_: str, **options: object) -> int:
    """Show what is understood: every weighted layer, its initializer, what it feeds."""
    from initlint import pipeline

    config = configured(options)
    inspection = asked(options, config, pipeline.inspect_paths, pipeline.inspect_source)
    told(f"{one.file}:{one.line}: {one.message}" for one in inspection.unreadable)
    told(inspection.faults)
    if format_ == "text":
        from initlint.report.inspection.text import layout

        write_lines(lambda _: layout(inspection), options, styled=bool(inspection.rows))
    else:
        from initlint.report import inspection_renderer

        write(inspection_renderer(format_)(inspection), options)
    return BROKEN if inspection.faults else OK


@cli.command(short_help="List the rules.")
@format_option(["json", "text"])
def rules(format_: str) -> int:
    """List the rules: code, name, severity, whether there is a fix, what it finds."""
    from initlint.report import _rules as pages

    table = all_rules()
    write(pages.as_json(table) if format_ == "json" else pages.listed(table), {})
    return OK


@cli.command(short_help="Explain one rule.")
@click.argument("code")
def explain(code: str) -> int:
    """Explain one rule: what it finds, why that matters, when it is harmless, what to write instead."""
    from initlint.config import unknown_code
    from initlint.report import _rules as pages

    table = all_rules()
    rule = table.get(code.upper()) or next((rule for rule in table.values() if rule.name == code.lower()), None)
    if rule is None:
        raise click.UsageError(unknown_code(code, {one.code: one.name for one in table.values()}))
    write(pages.explained(rule), {})
    return OK


def configured(options: dict[str, object], select: Sequence[str] = (ALL,), ignore: Sequence[str] = ()) -> Config:
    exclude = tuple(globs(options["exclude"])) or DEFAULT_EXCLUDE
    return Config(
        select=tuple(select),
        ignore=tuple(ignore),
        exclude=(*exclude, *globs(options["extend_exclude"])),
        force_exclude=bool(options["force_exclude"]),
        respect_gitignore=bool(options["respect_gitignore"]),
    )


def globs(option: object) -> Iterable[str]:
    """The globs of an option that may be repeated and may hold lists: `a,b`."""
    assert isinstance(option, tuple)
    return (glob for value in option for glob in str(value).split(",") if glob)


def asked(
    options: dict[str, object],
    config: Config,
    of_paths: Callable[..., Result],
    of_source: Callable[..., Result],
) -> Result:
    """What the pipeline says of the paths, or of standard input."""
    paths = options["paths"]
    assert isinstance(paths, tuple)
    debug = bool(options["debug"])
    try:
        if STDIN not in paths:
            return of_paths(paths or (".",), config, debug=debug)
        if len(paths) > 1:
            raise click.UsageError("`-` is standard input, and stands alone; give the other paths to another run")
        return of_source(sys.stdin.buffer.read(), str(options["stdin_filename"] or STDIN), config, debug=debug)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


def all_rules() -> Mapping[str, Rule]:
    from initlint import rulebook

    return rulebook.all_rules()


def write_lines(lines: Callable[[int], Iterable[Line]], options: dict[str, object], *, styled: bool) -> None:
    """Writes styled lines, in colour where that is wanted and there is something to show."""
    if styled and in_color(options):
        from initlint.report._color import colored

        width = terminal_width()
        write(colored(lines(width), width), options)
    else:
        from initlint.report._lines import plain
        from initlint.report.text import UNBOUNDED

        write(plain(lines(UNBOUNDED)), options)


def in_color(options: dict[str, object]) -> bool:
    import os

    if options["color"] is not None:
        return bool(options["color"])
    if options["output_file"] or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def terminal_width() -> int:
    import os

    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 100
    except (OSError, ValueError):  # not a terminal
        return 100


def write(text: str, options: dict[str, object]) -> None:
    """Writes to standard output or to the output file. A reader that went away is no error."""
    path = options.get("output_file")
    if path is not None:
        try:
            with open(str(path), "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as error:
            raise click.ClickException(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error
        return
    import os

    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it does not fail either


def told(lines: Iterable[str]) -> None:
    for line in lines:
        complain(f"error: {line}")


def complain(line: str) -> None:
    from initlint.report._lines import shown

    click.echo(shown(line), err=True)


def run(args: Sequence[str]) -> int:
    """The exit status of a command line. Whatever goes wrong is told in one line."""
    try:
        status = cli.main(list(args), prog_name="initlint", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return BROKEN
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        help_ = f"; see `{context.command_path} --help`" if context is not None else ""
        complain(f"error: {error.format_message().rstrip('.')}{help_}")
        return BROKEN
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        if "--debug" in args:
            raise
        complain(f"error: initlint has a bug here, please report it: {type(error).__name__}: {error}")
        return BROKEN
    return status if isinstance(status, int) else OK
