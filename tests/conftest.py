"""What tests share: the command line as a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ["KERAS_BACKEND"] = "torch"  # of every test that asks the real Keras

ROOT = Path(__file__).parents[1]
SECONDS = 60  # no run of a test may take longer, whatever it lints
# Colours would differ, and without bytecode each process would compile the package anew.
DROPPED = ("NO_COLOR", "FORCE_COLOR", "PYTHONDONTWRITEBYTECODE")

CACHES = tuple(folder / ".initlint_cache" for folder in (ROOT, Path.home()))  # that no test may make

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def no_cache_of_ours() -> Iterator[None]:
    """What is linted here is remembered in folders of tests at most."""
    there = [cache for cache in CACHES if cache.exists()]
    yield
    assert [cache for cache in CACHES if cache.exists()] == there


@pytest.fixture
def initlint(tmp_path: Path) -> Run:
    """Runs `initlint` as a process of its own, in an empty folder unless `cwd` says otherwise."""

    def run(
        *args: str | Path, cwd: Path = tmp_path, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in DROPPED}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "initlint", *map(str, args)],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**clean, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in out + err, err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    return run
