"""The command line: one of the two doors.

Heavy modules are imported inside the commands, so that `initlint --help` and a clean file
cost little more than click.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from initlint import __version__
from initlint.config import ConfigError
from initlint.options import (
    Options,
    cache_folder,
    cache_options,
    configs,
    file_options,
    fix_options,
    format_option,
    least_shown,
    output,
    rule_options,
)
from initlint.report import FOLDER, formats, plans_fixes
from initlint.terminal import Output, complain, terminal_width, told

if TYPE_CHECKING:
    from initlint.cache import Outcome
    from initlint.findings import Report
    from initlint.inspection import Inspection
    from initlint.report._lines import Line
    from initlint.rulebook import Rule

OK, FOUND, BROKEN, INTERRUPTED = 0, 1, 2, 130
STDIN = "-"
HERE = (".",)
KINDS_OF_NAMES = ("activation", "architecture", "use_case", "technique")

# What a result depends on.
DECIDING = "paths config isolated select ignore fail_on exclude extend_exclude force_exclude respect_gitignore".split()

Answer = TypeVar("Answer")
Result = TypeVar("Result", bound="Outcome")


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
    """Find weight-initialization mistakes in PyTorch and Keras model code.

    `initlint PATH...` is short for `initlint check PATH...`.
    """


@cli.command(short_help="Lint files and folders; the default command.")
@rule_options
@fix_options
@format_option(formats())
@click.option("--quiet", "-q", is_flag=True, help="Findings only: no summary.")
@file_options
def check(format_: str, quiet: bool, **options: object) -> int:
    """Lint files and folders (by default the working directory); `-` is standard input."""
    from initlint import pipeline
    from initlint.findings import Report, Severity

    diff, unsafe = bool(options["diff"]), bool(options["unsafe_fixes"])
    if diff or options["fix"]:
        from initlint import mending

        least = least_shown(options, Severity.WARNING, to_people=True)  # what is hidden is not changed either
        mend_paths = partial(mending.mend_paths, unsafe=unsafe, least=least, write=not diff)
        mended = asked(options, mend_paths, partial(mending.mend_source, unsafe=unsafe, least=least))
        report = mended.report
        if diff or mended.text is not None:
            output(options).write(mending.difference(mended) if diff else mended.text or b"")
            status = bool(mended.changes) if diff else report.failures and not options["exit_zero"]
            return settled(shown(report, options, to_people=True), FOUND if status else OK, quiet=quiet or diff)
    else:
        planned = unsafe or plans_fixes(format_)
        of_paths, of_source = pipeline.lint_paths, pipeline.lint_source
        report = known(options, partial(of_paths, fixes=planned), partial(of_source, fixes=planned), Report, planned)
    told(report.faults)
    if not report.files and not report.unreadable and not report.faults:
        complain("warning: no Python files found in these paths")
    show(report, format_, options, closing=not quiet)
    if report.faults:
        return BROKEN
    return FOUND if report.failures and not options["exit_zero"] else OK


def show(report: Report, format_: str, options: Options, *, closing: bool) -> None:
    """Writes a report in a format."""
    from initlint.report import _statistics, layout, renderer

    lines = layout(format_)
    counted = bool(options["statistics"])
    report = shown(report, options, to_people=lines is not None and not counted)
    if counted and lines is None and format_ != "json":
        raise click.UsageError(f"--statistics goes with text, concise and json, not with {format_}")
    if counted and lines is None:
        output(options).write(_statistics.as_json(report))
    elif lines is None:
        output(options).write(renderer(format_)(report))
    elif report.findings or closing:
        styled = bool(report.findings) and format_ != "github"

        def laid_out(width: int) -> Iterable[Line]:
            return _statistics.layout(report) if counted else lines(report, width, closing=closing)

        output(options).write_lines(laid_out, styled=styled)


def shown(report: Report, options: Options, *, to_people: bool) -> Report:
    """The report with what is not to be shown hidden."""
    from initlint.report._excess import from_severity

    return from_severity(report, least_shown(options, report.fail_on, to_people=to_people))


def settled(report: Report, status: int, *, quiet: bool) -> int:
    """What is left after a fix, told on standard error since standard output has the fixed text; the exit status."""
    from initlint.report.text import render

    told(report.faults)
    if not quiet:
        click.echo(render(report).rstrip("\n"), err=True)
    return BROKEN if report.faults else status


@cli.command(short_help="Show what is understood of every weighted layer.")
@format_option(formats(f"{FOLDER}/inspection"))
@file_options
def inspect(format_: str, **options: object) -> int:
    """Show what is understood: every weighted layer, its initializer, what it feeds."""
    inspection = inspected(options)
    told(f"{one.file}:{one.line}: {one.message}" for one in inspection.unreadable)
    told(inspection.faults)
    if format_ == "text":
        from initlint.report.inspection.text import layout

        output(options).write_lines(lambda _: layout(inspection), styled=bool(inspection.rows))
    else:
        from initlint.report import inspection_renderer

        output(options).write(inspection_renderer(format_)(inspection))
    return BROKEN if inspection.faults else OK


@cli.command(short_help="Say what the documents recommend.")
@click.option("--activation", metavar="NAME", help="For this activation: relu, selu, nn.GELU, ...")
@click.option("--architecture", metavar="TYPE", help="For this type of network: cnn, rnn, autoencoder, ...")
@click.option("--use-case", metavar="TEXT", help="For this use case: 'movie recommender', mnist, ...")
@click.option("--technique", metavar="NAME", help="This technique: he, xavier, orthogonal, ...")
@click.option("--framework", type=click.Choice(["torch", "pytorch", "keras"]), help="Code for this one; else for both.")
@click.option("--fan-in", type=click.IntRange(1), help="Inputs of a unit, to fill into the formula.")
@click.option("--fan-out", type=click.IntRange(1), help="Outputs that an input reaches.")
@format_option(formats(f"{FOLDER}/recommendation"))
@file_options
def recommend(framework: str | None, fan_in: int | None, fan_out: int | None, format_: str, **options: object) -> int:
    """Say what the documents recommend for a name or for each layer of files; with nothing given, all their tables."""
    from initlint.lookup import MissError
    from initlint.recommendations import Fans, Request, for_layers, for_names, options_for
    from initlint.report import recommendation_renderer

    names = {name: str(options[name]) for name in KINDS_OF_NAMES if options[name]}
    if names and options["paths"]:
        raise click.UsageError("a name and files are two questions; ask one at a time")
    frameworks = (framework.removeprefix("py"),) if framework else ("torch", "keras")
    try:
        advice = for_names(names, Request(frameworks, Fans(fan_in, fan_out)))
    except MissError as error:
        others = [f"{option} {name!r}" for name in names.values() for option in options_for(name)]
        found = f"{error.miss}; there is {' and '.join(others)}" if others and len(names) == 1 else str(error)
        raise click.UsageError(found) from error
    layers, faults = [], False
    if options["paths"]:
        inspection = inspected(options)
        told(f"{one.file}:{one.line}: {one.message}" for one in inspection.unreadable)
        told(inspection.faults)
        layers, faults = for_layers(inspection, frameworks[0] if framework else None), bool(inspection.faults)
    given, to = bool(names or options["paths"]), output(options)
    if format_ != "text":
        to.write(recommendation_renderer(format_)(advice, layers, given))
    elif not given and to.in_color():
        from initlint.documents import tables
        from initlint.report._color import tabled

        to.write(tabled(tables(), terminal_width()))
    else:
        from initlint.report.recommendation.text import layout

        to.write_lines(lambda _: layout(advice, layers, given=given), styled=True)
    return BROKEN if faults else OK


@cli.command(short_help="List the rules.")
@format_option(["json", "text"])
def rules(format_: str) -> int:
    """List the rules: code, name, severity, whether there is a fix, what it finds."""
    from initlint.report import _rules as pages

    table = all_rules()
    Output().write(pages.as_json(table) if format_ == "json" else pages.listed(table))
    return OK


@cli.command(short_help="Explain one rule.")
@click.argument("code")
@format_option(["markdown", "text"])
def explain(code: str, format_: str) -> int:
    """Explain one rule: what it finds, why that matters, when it is harmless, what to write instead."""
    from initlint.config import unknown_code
    from initlint.report import _rules as pages

    table = all_rules()
    rule = table.get(code.upper()) or next((rule for rule in table.values() if rule.name == code.lower()), None)
    if rule is None:
        raise click.UsageError(unknown_code(code, {one.code: one.name for one in table.values()}))
    Output().write(pages.markdown(rule) if format_ == "markdown" else pages.explained(rule))
    return OK


@cli.command(short_help="Forget what earlier runs came to.")
@cache_options
def clean(**options: object) -> int:
    """Forget what earlier runs in this project came to, so that all is looked at anew."""
    from initlint import cache, discovery

    folder = cache_folder(options, configs(options))
    try:
        number = cache.clean(folder)
    except OSError as error:
        raise click.ClickException(f"cannot clean {folder}: {(error.strerror or str(error)).lower()}") from error
    Output().write(f"Forgot {number} run{'' if number == 1 else 's'} kept in {discovery.shown(folder)}.\n")
    return OK


@cli.command(short_help="Serve an editor: the language server protocol on standard input and output.")
@click.option("--stdio", is_flag=True, hidden=True, help="What many clients add; there is no other way.")
def server(stdio: bool) -> int:  # noqa: ARG001 - see its help
    """Serve an editor: diagnostics, quick fixes and hovers, by the language server protocol on standard input and
    output. Editors start it; the README says how."""
    try:
        from initlint import lsp
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"lsprotocol", "pygls"}:
            raise
        raise click.ClickException(
            f"the server needs {missing}; install it with: pip install 'initlint[lsp]'"
        ) from None
    return lsp.serve()


def inspected(options: Options) -> Inspection:
    """What is understood of the files."""
    from initlint import pipeline
    from initlint.inspection import Inspection

    return known(options, pipeline.inspect_paths, pipeline.inspect_source, Inspection)


def known(
    options: Options,
    of_paths: Callable[..., Result],
    of_source: Callable[..., Result],
    kind: type[Result],
    *more: object,
) -> Result:
    """What the pipeline says, or what an earlier run came to; `more` is what that depends on beside the options."""
    if options["no_cache"] or options["debug"] or STDIN in sequence(options["paths"]):
        return asked(options, of_paths, of_source)
    from initlint import cache, disk

    with disk.watched(watch := disk.Watch()):
        settings = configs(options)
        question = cache.Question(kind, (*(options[name] for name in DECIDING if name in options), *more))
        run = partial(of_paths, sequence(options["paths"]) or HERE, settings, jobs=jobs(options))
        return cache.remembered(cache_folder(options, settings), question, watch, run)


def asked(options: Options, of_paths: Callable[..., Answer], of_source: Callable[..., Answer]) -> Answer:
    """What the pipeline says of the paths, or of standard input."""
    paths = sequence(options["paths"])
    debug = bool(options["debug"])
    settings = configs(options)
    if STDIN not in paths:
        return of_paths(paths or HERE, settings, debug=debug, jobs=jobs(options))
    if len(paths) > 1:
        raise click.UsageError("`-` is standard input, and stands alone; give the other paths to another run")
    return of_source(sys.stdin.buffer.read(), str(options["stdin_filename"] or STDIN), settings, debug=debug)


def jobs(options: Options) -> int:
    """How many processes may take part; one where a bug of ours is to be seen with its traceback."""
    asked_for = options["jobs"]
    assert isinstance(asked_for, int)
    return 1 if options["debug"] else asked_for


def sequence(value: object) -> tuple[str, ...]:
    assert isinstance(value, tuple)
    return value


def all_rules() -> Mapping[str, Rule]:
    from initlint import rulebook

    return rulebook.all_rules()


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
    except ConfigError as error:
        complain(f"error: {error}")
        return BROKEN
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        if "--debug" in args:
            raise
        complain(f"error: initlint has a bug here, please report it: {type(error).__name__}: {error}")
        return BROKEN
    return status if isinstance(status, int) else OK
