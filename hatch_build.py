"""Compiles the interpreter when a wheel is built: its sources as they stand, with mypyc.

Where there is no C compiler, or it fails, the wheel holds the same files as plain Python and says so.
`INITLINT_PURE=1` asks for that. Editable installs are plain, so that an edit takes effect.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILER = "mypy[mypyc]>=2.4,<3"
GROUP = "initlint"  # the library of all compiled modules is GROUP__mypyc
LONGEST = 1200  # seconds
SCRIPT = """
import sys
from mypyc.build import mypycify
from setuptools import setup

out, group, *files = sys.argv[1:]
options = ["--config-file=", "--ignore-missing-imports", *files]
modules = mypycify(
    options,
    opt_level="1",
    debug_level="0",
    strip_asserts=True,
    multi_file=True,
    group_name=group,
    target_dir=out + "/c",
)
command = ["build_ext", "--build-lib", out + "/lib", "--build-temp", out + "/temp", "--parallel", "4"]
setup(name=group, packages=[], py_modules=[], ext_modules=modules, script_args=command)
"""


class CompilingHook(BuildHookInterface[Any]):
    """Adds the compiled modules beside the plain ones, which Python then takes first."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What compiling needs; nothing where it can't be done."""
        return [COMPILER] if can_compile() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or not can_compile():
            return
        files = [str(p.relative_to(self.root)) for each in self.config["compiled"] for p in Path(self.root).glob(each)]
        self.built = tempfile.mkdtemp(prefix="initlint-")
        try:
            compiled = compile_modules(sorted(files), self.root, self.built)
        except (OSError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            self.app.display_warning(f"not compiled, so that initlint will be slower: {told.strip()[-2000:]}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= compiled

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(getattr(self, "built", ""), ignore_errors=True)


def can_compile() -> bool:
    """Whether a C compiler and Python's headers are there, and compiling is wanted."""
    if os.environ.get("INITLINT_PURE", "0") not in ("", "0"):
        return False
    if sys.implementation.name != "cpython":
        return False
    if sys.platform == "win32":  # setuptools looks for it elsewhere
        return True
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return shutil.which(compiler[0]) is not None and headers.exists()


def compile_modules(files: list[str], root: str, out: str) -> dict[str, str]:
    """Where each compiled module is -> where it belongs in the wheel. Raises CalledProcessError with what was said."""
    subprocess.run(
        [sys.executable, "-c", SCRIPT, out, GROUP, *files],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    library = Path(out) / "lib"
    return {str(p): p.relative_to(library).as_posix() for p in library.rglob("*") if p.suffix in (".so", ".pyd")}
