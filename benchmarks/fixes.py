"""What fixes do to whole projects: each one alone, then all of them together, on a scratch copy.

    python benchmarks/fixes.py [--alone N] [--seeded N] WHAT...

WHAT is a folder, or a requirement (`torchvision==0.29.2`) whose wheel pip gets from the index. For each: how many
findings a rule has, how many have a fix, the reasons of those that have none, and whatever does not hold of what
tests/fix_properties.py asks. `--alone` tries so many fixes one by one, in the whole project; `--seeded` puts so many
mistakes into the code, one at a time, and fixes those. The exit status is 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zipfile import ZipFile

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from fix_properties import (  # noqa: E402
    EVERYTHING,
    Trial,
    complaints,
    fixed_alone,
    fixed_together,
    parses,
    touched,
)
from seeded_mistakes import mistakes  # noqa: E402

from initlint.edits import apply  # noqa: E402
from initlint.findings import Declined, Fix, Severity  # noqa: E402
from initlint.pipeline import lint_paths, lint_source  # noqa: E402


def scratch(what: str, folder: Path) -> Path:
    """A copy of a folder, or what a wheel holds."""
    if Path(what).is_dir():
        target = folder / Path(what).name
        shutil.copytree(what, target, ignore=lambda _, names: [n for n in names if n == ".git"])
        return target
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        str(folder),
        what,
    ]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / wheel.stem.partition("-")[0]
    with ZipFile(wheel) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.endswith(".py")])
    return target


def told(trial: Trial) -> Iterator[str]:
    yield f"  {'rule':8} {'found':>6} {'fixed':>6}"
    found, fixed = Counter(one.code for one in trial.before), Counter(one.code for one in trial.fixable)
    for code in sorted(found):
        yield f"  {code:8} {found[code]:6} {fixed[code]:6}"
    for (code, why), count in trial.declined.most_common():
        yield f"  {count} {code} without a fix: {why}"


@cache
def known(path: Path) -> frozenset[tuple[str, str]]:
    """What is found in a file as it is."""
    return frozenset((one.code, one.message) for one in lint_source(path.read_text("utf-8"), str(path)).findings)


def seeded(folder: Path, most: int) -> Iterator[str]:
    """Problems of fixes for mistakes that are put into the files, one at a time; and last what there was."""
    tried = sorted((path, mistake) for path in folder.rglob("*.py") for mistake in mistakes(path.read_text("utf-8")))
    random.Random(0).shuffle(tried)  # noqa: S311 - a sample
    counts: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for path, (what, text) in tried[:most]:
        shown = f"{path.relative_to(folder)} with {what}"
        plain = known(path)
        found = lint_source(text, str(path), fixes=True).findings
        new = [one for one in found if (one.code, one.message) not in plain]
        counts["mistakes"] += 1
        counts["mistakes found"] += bool(new)
        for one in new:
            if isinstance(one.fix, Declined):
                reasons[one.code, one.fix.why] += 1
                counts[f"{one.code} declined"] += 1
            elif isinstance(one.fix, Fix):
                counts[f"{one.code} fixed"] += 1
                done = apply(text, [one.fix]).text
                after = lint_source(done, str(path)).findings
                kept = [other for other in found if other != one]
                edits = {one.place.file: one.fix.edits}
                wrong = complaints(kept, after, edits, mild=one.severity is Severity.ERROR)
                wrong += [*touched(text, [one.fix]), *([] if parses(done) else ["no Python after the fix"])]
                yield from (f"problem: {shown}: {problem}" for problem in wrong)
            else:
                counts[f"{one.code} without fix"] += 1
    yield "; ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    yield from (f"{count} {code} without a fix: {why}" for (code, why), count in reasons.most_common())


def main() -> int:
    parser = argparse.ArgumentParser(description="What fixes do to whole projects.")
    parser.add_argument("what", nargs="+", help="folders, or requirements whose wheels pip gets")
    parser.add_argument("--alone", type=int, default=0, help="so many fixes are tried one by one")
    parser.add_argument("--seeded", type=int, default=0, help="so many mistakes are put into the code, and fixed")
    arguments = parser.parse_args()
    problems = 0
    for what in arguments.what:
        with tempfile.TemporaryDirectory() as name:
            folder = scratch(what, Path(name))
            alone: list[str] = []
            if arguments.seeded:
                for line in seeded(folder, arguments.seeded):
                    problems += line.startswith("problem: ")
                    print(f"  seeded: {line}", flush=True)
            if arguments.alone:
                before = lint_paths([str(folder)], EVERYTHING, fixes=True).findings
                fixable = [one for one in before if isinstance(one.fix, Fix)][: arguments.alone]
                alone = [f"alone: {wrong}" for one in fixable for wrong in fixed_alone(folder, before, one)]
            trial = fixed_together(folder)
            print(f"{what}: {len(trial.before)} findings, {len(trial.fixable)} with a fix, {len(trial.after)} left")
            print(*told(trial), sep="\n")
            found = [*alone, *trial.problems]
            problems += len(found)
            print(*(f"  problem: {one.replace(f'{folder}/', '')}" for one in found), sep="\n", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
