"""What linting costs, as ratios measured in one run, so that they mean the same on any machine.

    python benchmarks/speed.py [PATH...]

PATH is a folder of Python sources; without one, torch's and torchvision's own where they are
installed. Each folder is linted in a process of its own and compared with `ast.parse` of the
same bytes; a single file is compared with `python -c "import ast, click"`. Nothing here
fails: it prints tables.
"""

from __future__ import annotations

import argparse
import ast
import gc
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import initlint
from initlint import discovery, graph, intake, pipeline, processes
from initlint.config import Config

STARTUP = ("-c", "import ast, click")
RUNS = 7
# Bytecode is written and read, as in an installation.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(Path(initlint.__file__).parents[1])  # the one that is measured here
BLOCK = '''
class Block{n}(nn.Module):
    """A residual block as they are commonly written."""

    def __init__(self, channels: int = 64, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return torch.relu(out + x)

'''


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process: processor seconds, seconds on the wall, peak memory in MB."""

    cpu: float
    wall: float
    memory: float


def process(*args: str) -> Cost:
    """Runs Python with these arguments to its end, its output thrown away."""
    start = time.perf_counter()
    # The child is waited for here, not by subprocess, for only that tells its own resources.
    child = subprocess.Popen(
        [sys.executable, *args],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd=ENVIRONMENT["PYTHONPATH"],  # else `-m` would take an initlint of the folder that this is started in
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / unit)


def sources(folder: Path) -> Iterator[bytes]:
    """The bytes of the files that a run over the folder looks at."""
    for path, _ in discovery.find([str(folder)], Config(respect_gitignore=False)).files:
        yield Path(path).read_bytes()


def parse_seconds(texts: Sequence[bytes]) -> float:
    """Processor seconds of `ast.parse` over all of them; what can't be parsed costs what it costs."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in texts:
            try:
                ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return time.process_time() - start


def stages(folder: Path) -> list[tuple[str, float]]:
    """Processor seconds of each stage of a run over the folder, in this process."""
    from initlint import rules

    gc.disable()  # as the command line does
    run = intake.Run(Config(respect_gitignore=False))
    marks = [time.process_time()]
    intake.gather(run, [str(folder)])
    marks.append(time.process_time())
    models = pipeline.understand(run)
    marks.append(time.process_time())
    for model in models:
        rules.matches(model, None)
    marks.append(time.process_time())
    gc.enable()
    names = ("find, read, parse", "interpret", "match rules")
    return [(name, after - before) for name, before, after in zip(names, marks, marks[1:], strict=False)]


def tree_rows(folder: Path) -> Iterator[str]:
    texts = list(sources(folder))
    parse = max(parse_seconds(texts), 1e-9)
    command = ("-m", "initlint", str(folder), "--format", "concise", "--no-respect-gitignore")
    lint = process(*command, "--no-cache", "--jobs", "1")
    lines = sum(text.count(b"\n") for text in texts)
    yield f"{folder.name}: {len(texts)} files, {lines} lines, {sum(map(len, texts)) / 1e6:.1f} MB"
    yield f"  ast.parse of the same bytes      {parse:8.2f} s    1.0 x"
    yield f"  initlint, one process, cold      {lint.cpu:8.2f} s  {lint.cpu / parse:5.1f} x"
    for name, seconds in stages(folder):
        yield f"    {name:30} {seconds:8.2f} s  {seconds / parse:5.1f} x"
    together = process(*command, "--no-cache").wall
    label = f"initlint, {processes.available()} processors, elapsed"
    yield f"  {label:33}{together:8.2f} s  {together / parse:5.1f} x"
    again = remembered(command)
    yield f"  initlint, nothing changed        {again:8.2f} s  {again / parse:5.2f} x"
    yield f"  peak memory                      {lint.memory:8.0f} MB"


def remembered(command: Sequence[str]) -> float:
    """Processor seconds of a run that was done before; the best of some."""
    with tempfile.TemporaryDirectory() as cache:
        return fastest((*command, "--cache-dir", cache), 3)


def startup_rows(runs: int = RUNS) -> Iterator[str]:
    """One file of 300 lines with nothing to report, against a Python that imports `ast` and `click`."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.py")
        model.write_text("import torch\nfrom torch import nn\n\n" + "".join(BLOCK.format(n=n) for n in range(15)))
        plain = Path(folder, "plain.py")
        plain.write_text("import json\n" * 300)
        base = fastest(STARTUP, runs)
        took = f"{base * 1000:.0f} ms"
        yield f'start-up: whole processes, the best of {runs}; `python -c "import ast, click"` takes {took}'
        for name, args in (
            ("initlint --version", ("--version",)),
            ("a 300-line file without torch", (str(plain), "--no-cache")),
            ("a 300-line model, nothing to report", (str(model), "--no-cache")),
            ("the same, nothing changed", (str(model), "--cache-dir", str(Path(folder, "cache")))),
        ):
            yield f"  {name:36} {fastest(('-m', 'initlint', *args), runs) / base:5.1f} x"


def fastest(args: Sequence[str], runs: int) -> float:
    """Processor seconds of the best of some runs: other work on the machine only ever adds."""
    process(*args)  # writes bytecode
    return min(process(*args).cpu for _ in range(runs))


def installed() -> Iterator[Path]:
    for name in ("torch", "torchvision"):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent


def main() -> None:
    parser = argparse.ArgumentParser(description="What linting costs, as ratios measured in one run.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders of Python sources")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often to start up; the best one counts")
    arguments = parser.parse_args()
    form = "plain Python" if (graph.__file__ or "").endswith(".py") else "compiled"
    print(f"initlint {initlint.__version__}, {form}")
    for row in startup_rows(arguments.runs):
        print(row, flush=True)
    for folder in arguments.paths or installed():
        for row in tree_rows(folder.resolve()):
            print(row, flush=True)


if __name__ == "__main__":
    main()
