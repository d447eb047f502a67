"""The shape of the project: who may import whom, how large modules are, what a run loads."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "initlint"
MAX_LINES = 400

# Each module may import those above it. A room is a line of the design; its modules stand in order too.
ROOMS: dict[str, str] = {
    "text": "garbage disk processes source notebook",
    "laws": "laws curves formulas moments",
    "knowledge": "schema expressions tables advice knowledge sizes",
    "model": "graph",
    "interpreter": """
        interpret.trees interpret.outlines interpret.generated
        interpret.values interpret.tensors interpret.pieces interpret.keras_values interpret.postponed
        interpret.partial_names interpret.project interpret.heap
        interpret.compositions interpret.flow interpret.compare interpret.likeness interpret.parts interpret.machine
        interpret.registries interpret.records interpret.initializer_names interpret.names
        interpret.narrowing interpret.booleans
        interpret.evaluate interpret.copies
        interpret.decorators interpret.enumerations interpret.callable_kinds interpret.classes interpret.signatures
        interpret.instance_checks interpret.sequences
        interpret.comprehensions
        interpret.patterns interpret.execute interpret.fallbacks interpret.guards interpret.recall interpret.calls
        interpret.pretrained interpret.attributes interpret.reflection interpret.sorting interpret.builtins
        interpret.methods
        interpret.regexes interpret.dispatch interpret.standard interpret.typetests interpret.torch_laws
        interpret.hand_written interpret.torch_init interpret.selections interpret.torch_fans interpret.init_functions
        interpret.contractions interpret.windows interpret.torch_tensors interpret.torch_factories
        interpret.torch_functions interpret.torch_methods interpret.torch_layers interpret.torch_traversal
        interpret.held interpret.layer_fillers interpret.late_fills interpret.torch_parameters interpret.torch_modules
        interpret.torch_wrappers interpret.parametrizations interpret.torch interpret.keras_checks interpret.keras_names
        interpret.keras_naming
        interpret.keras_initializers interpret.keras_weights interpret.keras_activations interpret.keras_shapes
        interpret.keras_layers interpret.keras_attention interpret.keras_functional interpret.keras_transfer
        interpret.keras_models interpret.keras interpret.numpy_arrays interpret.frameworks interpret.repetition
        interpret.interpreter interpret.reloads
        interpret.equal_sizes interpret.latecomers interpret.harvest interpret.upkeep
        interpret.table_keys interpret.likely_arguments interpret.methods_seen
        interpret.leftovers interpret.mutual_use interpret.shares
        interpret.worthwhile interpret.keras_showing interpret.showing interpret.entries interpret.leads interpret
    """,
    "contract": "findings subject",
    "propagation": "network fluctuations pairs narrow_runs angles propagation sampling unrolling",
    "rules": """
        contexts
        chains symmetry strengths silence twins strands signals judgement stretches
        fan_modes autoencoders forgetting subjects lone branches gains incidents loads normalizing
        parameters passes products tied sharing survey
        prescriptions mishaps keras_remedies remedies aims effects conditions predicates wording rulebook rules
    """,
    "inspection": "inspection",
    "documents": "documents lookup constructions recipes recommendations",
    "reports": """
        report._lines report._excerpt report._color report._conditions report._rules report._excess report._addresses
        report.json report.text report._statistics report.concise report.github report.gitlab report.lsp report.sarif
        report.inspection.json report.inspection.text report.inspection
        report.recommendation.json report.recommendation.text report.recommendation report
    """,
    "settings": "globs config",
    "fixes": """
        edits page bindings fixers fixers._calls fixers._places fixers._moves fixers._keras fixers.suit_activation
        fixers.add_call fixers.drop_comment fixers.fill
        fixers.guard_none fixers.guard_rank fixers.keras_argument fixers.keep_last
        fixers.keep_moments fixers.later_pass fixers.make_parameter fixers.no_grad fixers.one_factor
        fixers.open_gate fixers.orthogonal
        fixers.output_spread fixers.pass_weight fixers.reach_parameter fixers.rename fixers.right_fan
        fixers.right_gain fixers.supported_argument fixers.widen_test fixers.wider_bounds fix proof repairs
    """,
    "pipeline": "discovery settings reach importers certainty suppressions cells intake pipeline writing mending",
    "memory": "plain_data cache",
    "editor": """
        editor.configuration editor.files editor.users editor.readings editor.worker editor.suppressing
        editor.diagnostics editor.hover editor.actions editor
    """,
    "doors": "lsp terminal options cli __main__",
}
ORDER = [module for modules in ROOMS.values() for module in modules.split()]
ROOM = {module: room for room, modules in ROOMS.items() for module in modules.split()}


STANDARD = frozenset(sys.stdlib_module_names)


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name: path for path in sorted(PACKAGE.rglob("*.py")) if (name := module_name(path))}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(node: ast.AST, *, types: bool = False) -> Iterator[tuple[str, bool]]:
    """What is imported anywhere below a node, as dotted names; whether for type checking only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, types) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from ((f"{child.module}.{alias.name}", types) for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from imports(child, types=True)
        else:
            yield from imports(child, types=types)


def module_of(name: str) -> str | None:
    """The module of ours that a dotted name is, or is in."""
    if not name.startswith("initlint."):
        return None
    inner = name.removeprefix("initlint.")
    return inner if inner in MODULES else inner.rpartition(".")[0] or None


def test_every_module_has_its_place() -> None:
    assert sorted(ORDER) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_go_up(module: str) -> None:
    for name, types in imports(tree_of(MODULES[module])):
        other = module_of(name)
        if other is None or (types and ROOM[other] == ROOM[module]):
            continue  # types of the same room may know each other
        assert ORDER.index(other) < ORDER.index(module), f"{module} imports {other}"


def test_what_is_imported_is_declared() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(dependencies: list[str]) -> set[str]:
        return {re.split(r"[^\w-]", dependency)[0] for dependency in dependencies}

    def used(modules: Iterable[str]) -> set[str]:
        found = {name.split(".")[0] for module in modules for name, _ in imports(tree_of(MODULES[module]))}
        return found - STANDARD - {"initlint"}

    of_the_server = {module for module in MODULES if module == "lsp" or ROOM[module] == "editor"}
    assert used(MODULES.keys() - of_the_server) <= names(project["dependencies"])
    assert used(of_the_server) <= names(project["dependencies"]) | names(project["optional-dependencies"]["lsp"])


PYTHON_FILES = sorted(path for folder in ("initlint", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_is_too_long(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES


def test_modules_are_named_for_what_they_are() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "signal", "core"}
    assert not [path for path in PYTHON_FILES if path.stem.strip("_") in vague]


@pytest.mark.parametrize("module", MODULES)
def test_a_name_has_one_public_location(module: str) -> None:
    """It is imported from where it is defined, never from a module that has it from elsewhere."""
    for name, _ in imports(tree_of(MODULES[module])):
        home = module_of(name)
        if home is None or home == name.removeprefix("initlint."):
            continue
        defined = bound_names(tree_of(MODULES[home]))
        assert name.rpartition(".")[2] in defined, f"{module} takes {name}, which {home} has from elsewhere"


def bound_names(tree: ast.Module) -> set[str]:
    """The names that a module itself defines at its top level."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


LOADED = """
import sys
from initlint.cli import run
status = run(sys.argv[1:])
print(status, *sorted(sys.modules), file=sys.stderr)
"""

MODEL = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        nn.init.xavier_uniform_(self.fc.weight)

    def forward(self, x):
        return self.fc(x)
"""


def loaded(folder: Path, text: str, *args: str) -> tuple[int, set[str]]:
    """The exit status of linting a text, and the modules that were loaded by then."""
    (folder / "net.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *args, "net.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    status, *modules = done.stderr.splitlines()[-1].split()
    return int(status), set(modules)


FRAMEWORKS = {"torch", "keras", "tensorflow", "jax", "torchvision"}
HEAVY = {
    *FRAMEWORKS,
    "libcst",
    "numpy",
    "rich",
    "pygments",
    "pathspec",
    "hypothesis",
    "asyncio",
    "multiprocessing",
    "concurrent",
    "importlib.metadata",
    "importlib.resources",
    "difflib",
    "email",
    "logging",
    "pathlib",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "unittest",
}


def test_a_clean_file_loads_nothing_heavy(tmp_path: Path) -> None:
    status, modules = loaded(tmp_path, MODEL)
    assert status == 0
    assert modules & HEAVY == set()


def test_a_file_without_a_framework_loads_neither_rules_nor_interpreter(tmp_path: Path) -> None:
    status, modules = loaded(tmp_path, "x = 1\n")
    assert status == 0
    assert not {name for name in modules if name.startswith(("initlint.interpret", "initlint.rules", "tomli"))}
    assert "initlint.knowledge" not in modules


@pytest.mark.parametrize("args", [("check",), ("check", "--format", "json"), ("check", "--color"), ("inspect",)])
def test_no_framework_is_ever_loaded(tmp_path: Path, args: tuple[str, ...]) -> None:
    status, modules = loaded(tmp_path, MODEL.replace("self.fc.weight", "self.fc.bias"), *args)
    assert status == (0 if args == ("inspect",) else 1)
    edits = "json" in args  # which JSON shows, so that they are planned
    assert modules & {*FRAMEWORKS, *(() if edits else ("libcst", "numpy"))} == set()
    assert ("rich" in modules) == ("--color" in args)


@pytest.mark.parametrize("args", [("check",), ("inspect",), ("check", "--format", "json")])
def test_what_is_remembered_is_served_without_analysis(tmp_path: Path, args: tuple[str, ...]) -> None:
    text = MODEL.replace("self.fc.weight", "self.fc.bias")
    status, _ = loaded(tmp_path, text, *args)
    again, modules = loaded(tmp_path, text, *args)
    assert (status, again) == ((0, 0) if args == ("inspect",) else (1, 1))
    assert modules & HEAVY == set()
    assert not {name for name in modules if name.startswith(("initlint.interpret", "initlint.rule", "initlint.fix"))}


ASKING = re.compile(
    r"open|os\.(stat|lstat|listdir|scandir|walk|access|open|readlink)"
    r"|os\.path\.(l?exists|is(file|dir|link|mount)|get\w+|realpath|samefile)"
)
WITHOUT_LINTED_CODE = {
    "disk": "where it is asked for",
    "writing": "writes",
    "mending": "is never remembered",
    "terminal": "writes",
    "cache": "has its own files",
    "schema": "reads the rules",
    "tables": "reads the rules",
    "rulebook": "reads the rules",
    "report": "looks which formats there are",
    "fixers": "looks which fixers there are",
    "lsp": "is never remembered",
}


@pytest.mark.parametrize("module", [name for name in MODULES if ROOM[name] != "editor"])
def test_files_are_asked_for_in_one_place(module: str) -> None:
    """What a run sees besides `disk` the cache would not know of."""
    called = {ast.unparse(node.func) for node in ast.walk(tree_of(MODULES[module])) if isinstance(node, ast.Call)}
    assert module in WITHOUT_LINTED_CODE or not list(filter(ASKING.fullmatch, called))


def test_no_fixture_is_an_orphan() -> None:
    """Every file under fixtures/ is a parameter of some test, by its own name or by that of a folder it is in."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", str(ROOT / "tests")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    parameters = re.findall(r"\[(.+)\]$", done.stdout, re.MULTILINE)
    named = {word for parameter in parameters for word in re.findall(r"\w+", parameter)}
    orphans = []
    for path in sorted((ROOT / "fixtures").rglob("*")):
        parts = path.relative_to(ROOT / "fixtures").parts
        if path.is_file() and "__pycache__" not in parts:
            names = {path.name.partition(".")[0], *parts[1:-1], *(parts[:-1] if parts[0] == "showcase" else ())}
            if not names & named:
                orphans.append("/".join(parts))
    assert orphans == []
