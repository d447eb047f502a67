"""What initlint adds to a commit of three model files, beyond what pre-commit takes by itself.

    python benchmarks/commit.py [--runs N]

A scratch repository has two hooks, one that does nothing and one that lints; both are run by the real pre-commit, the
way `git commit` runs them. The environment that pre-commit would build once is this one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from speed import BLOCK, ENVIRONMENT

RUNS = 5
FILES = 3
HOOK = """\
      - id: {name}
        name: {name}
        entry: {entry}
        language: system
        types_or: [python, pyi, jupyter]
        require_serial: true
"""


def repository(folder: Path) -> None:
    """A repository with model files of 300 lines each in the index, and the two hooks."""
    for i in range(FILES):
        text = "import torch\nfrom torch import nn\n\n" + "".join(BLOCK.format(n=n) for n in range(15))
        (folder / f"model{i}.py").write_text(text)
    python = Path(sys.executable).as_posix()
    hooks = (
        HOOK.format(name="nothing", entry=f"{python} -S -c 0"),
        HOOK.format(name="initlint", entry=f"{python} -m initlint check --force-exclude --no-cache"),
    )
    (folder / ".pre-commit-config.yaml").write_text("repos:\n  - repo: local\n    hooks:\n" + "".join(hooks))
    for command in (("init", "-q"), ("add", ".")):
        subprocess.run(["git", *command], cwd=folder, check=True)  # noqa: S607


def seconds(folder: Path, hook: str) -> tuple[float, float]:
    """Wall and processor seconds of one run of a hook by pre-commit."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", hook],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**ENVIRONMENT, "PRE_COMMIT_HOME": str(folder / ".git" / "pre-commit")},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description="What initlint adds to a commit of three model files.")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each hook runs; the best one counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository(folder)
        lines = (folder / "model0.py").read_text().count("\n")
        seconds(folder, "initlint")  # writes bytecode
        best = {
            hook: tuple(map(min, zip(*(seconds(folder, hook) for _ in range(max(1, arguments.runs))), strict=True)))
            for hook in ("nothing", "initlint")
        }
    print(f"a commit of {FILES} model files of {lines} lines; best of {arguments.runs}, {os.cpu_count()} processors")
    for name, (wall, cpu) in (
        ("pre-commit with a hook that does nothing", best["nothing"]),
        ("pre-commit with initlint", best["initlint"]),
        ("beyond pre-commit's own time", [i - n for i, n in zip(best["initlint"], best["nothing"], strict=True)]),
    ):
        print(f"  {name:42} {wall:6.2f} s  {cpu:6.2f} s of a processor")


if __name__ == "__main__":
    main()
