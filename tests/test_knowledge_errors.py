"""A mistake in a rule table is an error that names the file, the key, what was expected, and what was meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from initlint import knowledge as module
from initlint import schema


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the rule tables, to be spoilt."""
    return Path(shutil.copytree(schema.folder(), tmp_path / "rules"))


@pytest.mark.parametrize(
    "file, old, new, message",
    [
        (
            "layers/torch.toml",
            'kinds = "ReLU"\nrole = "activation"',
            'kinds = "ReLU"\nrole = "activaton"',
            r"rules/layers/torch\.toml: layers\[ReLU\]\.role: expected one of activ.*did you mean 'activation'\?",
        ),
        (
            "layers/torch.toml",
            'weights = "bilinear"',
            'weight = "bilinear"',
            r"rules/layers/torch\.toml: layers\[Bilinear\]: expected one of .*, got 'weight'; did you mean 'weights'\?",
        ),
        (
            "layers/torch.toml",
            'weights = "bilinear"',
            'weights = "bilnear"',
            r"layers\[Bilinear\]\.weights: expected one of .*did you mean 'bilinear'\?",
        ),
        (
            "layers/torch.toml",
            'kinds = "Bilinear"',
            'kinds = "Linear"',
            r"layers\[Linear\]: expected each kind once, got 'Linear'",
        ),
        (
            "layers/torch.toml",
            'name = "weight", role = "embedding"',
            'name = "weight", role = "embeding"',
            r"weights\.embedding\.role: expected one of .*did you mean 'embedding'\?",
        ),
        (
            "layers/torch.toml",
            'activation = "mish"',
            'activation = "mihs"',
            r"layers\[Mish\]\.activation: expected one of .*did you mean 'mish'\?",
        ),
        (
            "layers/torch_functions.toml",
            '[functions."torch.nn.functional".attention]',
            '[functions."torch.nn.functional".atention]',
            r"torch_functions\.toml: functions\.torch\.nn\.functional\.atention: .*did you mean 'attention'\?",
        ),
        (
            "activations.toml",
            'kind = "self-normalizing"',
            'kind = "normalising"',
            r"rules/activations\.toml: selu\.kind: expected one of .*did you mean 'normalizing'\?",
        ),
        (
            "activations.toml",
            "second_moment = 0.53125",
            'second_moment = "half"',
            r"rules/activations\.toml: prelu\.second_moment: expected a value of type float, got \"'half'\"",
        ),
        (
            "activations.toml",
            'kind = "gated"\n',
            "",
            r"rules/activations\.toml: glu: expected the key 'kind', got 'no such key'",
        ),
        (
            "activations.toml",
            'recommended = "lecun"',
            'recommended = "lecunn"',
            r"selu\.recommended: expected one of .*did you mean 'lecun'\?",
        ),
        (
            "techniques.toml",
            'technique = "sparse"',
            'technique = "sprase"',
            r"rules/techniques\.toml: spellings\[torch\.nn\.init\.sparse_.*\]\.technique: .*did you mean 'sparse'\?",
        ),
        (
            "techniques.toml",
            'title = "sparse initialization"',
            'titel = "sparse initialization"',
            r"rules/techniques\.toml: techniques\.sparse: expected one of .*did you mean 'title'\?",
        ),
        ("techniques.toml", "[init]", "[init", r"rules/techniques\.toml: expected TOML: .*line \d+"),
    ],
)
def test_a_mistake_in_a_table_is_named(rules: Path, file: str, old: str, new: str, message: str) -> None:
    """The error names the file, the key, what was expected, and what was probably meant."""
    text = (rules / file).read_text(encoding="utf-8")
    assert old in text
    (rules / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(schema.KnowledgeError, match=message):
        module.load(str(rules))


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('"he", condition = "ReLU"', '"hee", condition = "ReLU"', r"answers\[0\]\.technique: .*did you mean 'he'\?"),
        ('says = "Sparse"', 'say = "Sparse"', r"rules/usecases\.toml: usecases\[6\]: .*did you mean 'says'\?"),
    ],
)
def test_a_mistake_in_the_rows_of_the_documents_is_named(rules: Path, old: str, new: str, message: str) -> None:
    """These rows are read only when they are asked for."""
    file = rules / "usecases.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    loaded = module.load(str(rules))
    with pytest.raises(schema.KnowledgeError, match=message):
        len(loaded.usecases)


def test_a_mistake_in_a_row_that_is_built_later_is_named(rules: Path) -> None:
    """A signature is read when its layer is asked for; the error names it all the same."""
    file = rules / "layers" / "torch.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("num_parameters=1, init=0.25", "num_parameters=1, init=quarter"), encoding="utf-8")
    loaded = module.load(str(rules))
    with pytest.raises(schema.KnowledgeError, match=r"\[PReLU\]\.signature: expected a Python literal, got 'quarter'"):
        loaded.layers["torch.nn.PReLU"]


def test_missing_tables_are_named(tmp_path: Path) -> None:
    """No folder, no rules: one line."""
    with pytest.raises(schema.KnowledgeError, match=r"rules/layers: expected a folder of tables"):
        module.load(str(tmp_path))
    (tmp_path / "layers").mkdir()
    with pytest.raises(schema.KnowledgeError, match=r"rules/activations\.toml: expected a readable UTF-8 file"):
        module.load(str(tmp_path))
