"""`initlint recommend`: every row of the documents is reached, with formula, code, reason and paper."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from initlint.documents import tables
from initlint.knowledge import knowledge

Run = Callable[..., "subprocess.CompletedProcess[str]"]
KNOWN = knowledge()

MODEL = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.blocks = nn.ModuleList([nn.Linear(16, 16) for _ in range(2)])
        self.squash = nn.Linear(16, 8)
        self.lstm = nn.LSTM(8, 32)
        self.table = nn.Embedding(10, 8)
        self.head = nn.Linear(32, 10)
        self.spare = nn.Linear(4, 4)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        for block in self.blocks:
            x = torch.selu(block(x))
        x, _ = self.lstm(torch.tanh(self.squash(x)))
        return self.head(x)
"""


def asked(initlint: Run, *args: str) -> Any:
    done = initlint("recommend", *args, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "option, query, row, techniques",
    [
        *(("activation", name, spec.document, None) for name, spec in KNOWN.activations.items() if spec.document),
        *(("architecture", row, row, None) for row in KNOWN.architectures),
        *(("use-case", row, row, None) for row in KNOWN.usecases),
        ("activation", "relu", "ReLU / Leaky ReLU", ["he"]),
        ("activation", "tanh", "Sigmoid / Tanh", ["xavier"]),
        ("activation", "selu", "SELU", ["lecun"]),
        ("activation", "linear", "Linear", ["xavier", "random"]),
        ("architecture", "cnn", "CNN", ["he", "xavier"]),
        ("architecture", "rnn", "RNN", ["orthogonal"]),
        ("use-case", "mnist", "Handwriting digit recognition (MNIST)", ["he"]),
        ("use-case", "movie recommender", "Movie recommender system", ["xavier"]),
        ("use-case", "low power chip", "IoT face detection on low power chip", ["sparse"]),
        ("use-case", "voice command", "Voice command recognition", ["orthogonal", "he"]),
        ("use-case", "Stock prediction with SELU nets", "Stock prediction with SELU nets", ["lecun", "orthogonal"]),
    ],
)
def test_a_row_is_reached_with_all_that_belongs_to_it(
    option: str, query: str, row: str, techniques: list[str] | None
) -> None:
    """In-process: the same as the command, for all rows there are."""
    from initlint.recommendations import Request, for_names

    found = {one.row.row: one for one in for_names({option.replace("-", "_"): query}, Request()) if one.row}
    advice = found[row]
    if techniques is not None:
        assert [one.technique.key for one in advice.options] == techniques
    assert advice.options
    for one in advice.options:
        assert one.technique.paper
        assert one.formula
        assert one.reason
        assert {code.framework for code in one.code} == {"torch", "keras"}


def test_the_fans_are_filled_in(initlint: Run) -> None:
    text = initlint("recommend", "--activation", "relu", "--fan-in", "64").stdout
    assert "Var(W) = 2 / fan_in = 2 / 64: N(0, 0.177^2) or U(±0.306)" in text
    text = initlint("recommend", "--technique", "glorot", "--fan-in", "64", "--fan-out", "32").stdout
    assert "Var(W) = 2 / (fan_in + fan_out) = 2 / (64 + 32): N(0, 0.144^2) or U(±0.25)" in text
    text = initlint("recommend", "--activation", "gelu").stdout
    assert "Var(W) = 2.352 / fan_in\n" in text
    text = initlint("recommend", "--activation", "tanh", "--fan-in", "64").stdout
    assert "Var(W) = 2 / (fan_in + fan_out)\n" in text, "one fan is not enough for Xavier"


def test_an_activation_decides_between_the_answers(initlint: Run) -> None:
    (cnn, row) = asked(initlint, "--architecture", "cnn", "--activation", "tanh")["recommendations"]
    assert [one["technique"] for one in cnn["options"]] == ["xavier"]
    assert row["row"] == "Sigmoid / Tanh"
    (deep, _) = asked(initlint, "--architecture", "very deep", "--activation", "relu")["recommendations"]
    assert [one["technique"] for one in deep["options"]] == ["he"]
    (decoder, _) = asked(initlint, "--architecture", "autoencoder", "--activation", "relu")["recommendations"]
    assert [(one["technique"], one["condition"]) for one in decoder["options"]] == [
        ("xavier", "the decoder ends in a sigmoid")
    ], "no answer is for relu, so the row's own stands, with its condition"


def test_stock_prediction_is_told_with_both_conditions(initlint: Run) -> None:
    text = initlint("recommend", "--use-case", "stock prediction").stdout
    assert text.count("LeCun initialization (a feed-forward SELU net)") == 1
    assert text.count("orthogonal initialization (a recurrent net that has to remember)") == 2
    assert "stock prediction has two answers in the documents" in text


def test_an_exotic_activation_gets_the_tip_and_its_own_gain(initlint: Run) -> None:
    text = initlint("recommend", "--activation", "sin").stdout
    assert text.startswith("For custom or exotic activations, analyze gradient/activation statistics layer by layer.")
    assert "Var(W) = 2.313 / fan_in" in text


@pytest.mark.parametrize("framework, other", [("torch", "keras"), ("pytorch", "keras"), ("keras", "nn.init")])
def test_the_code_is_for_the_framework_that_is_asked_for(initlint: Run, framework: str, other: str) -> None:
    text = initlint("recommend", "--activation", "selu", "--framework", framework).stdout
    assert other not in text.split("note:")[0]
    assert ("import keras" if framework == "keras" else "from torch import nn") in text


@pytest.mark.parametrize(
    "args, words",
    [
        (["--activation", "reul"], "no activation 'reul' in the documents; did you mean 'relu'"),
        (["--architecture", "perceptronn"], "no network type 'perceptronn'"),
        (["--architecture", "rnnn"], "no network type 'rnnn' in the documents; did you mean 'RNN'?"),
        (["--use-case", "movie theatre"], "did you mean 'Movie recommender system'?"),
        (["--technique", "adam"], "no technique 'adam'"),
        (["--framework", "jax"], "'jax' is not one of"),
        (["--activation", "relu", "net.py"], "a name and files are two questions"),
        (["nowhere.py"], "no such file or folder: nowhere.py"),
    ],
)
def test_a_miss_is_told_in_one_line_and_makes_it_two(initlint: Run, args: list[str], words: str) -> None:
    done = initlint("recommend", *args)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_with_nothing_given_all_tables_are_printed_in_the_documents_words(initlint: Run) -> None:
    printed = initlint("recommend").stdout
    for table in tables():
        for row in table.rows:
            assert [line for line in printed.splitlines() if all(cell in line for cell in row)], "a line for each row"
        assert all(note in printed for note in table.notes)
    document = asked(initlint)
    assert set(document) == {"version", *(table.key for table in tables())}
    assert [row["activation"] for row in document["activations"]] == [*KNOWN.advised]
    assert len(document["techniques"]) == len(document["summary"]) == 7
    assert [row["use_case"] for row in (*document["cases"], *document["usecases"])] == [*KNOWN.usecases]
    stock = next(row for row in document["usecases"] if row["use_case"].startswith("Stock"))
    assert [answer["technique"] for answer in stock["answers"]] == ["lecun", "orthogonal"]
    assert "two answers" in stock["note"]
    assert document["techniques"][0]["note"].startswith("zero initialization preserves the symmetry")


def test_a_terminal_gets_boxes_and_a_pipe_none(initlint: Run) -> None:
    boxed = initlint("recommend", "--color").stdout
    assert "╭" in boxed
    assert "\x1b[" in boxed
    assert "╭" not in initlint("recommend").stdout
    assert "\x1b[" in initlint("recommend", "--activation", "relu", "--color").stdout


def test_every_layer_of_a_file_gets_its_row(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODEL)
    layers = {one["name"]: one for one in asked(initlint, "net.py")["layers"]}
    rows = {name: [advice["row"] for advice in one["recommendations"]] for name, one in layers.items()}
    assert rows == {
        "Net.conv": ["ReLU / Leaky ReLU"],
        "Net.blocks.0": ["SELU"],
        "Net.squash": ["Sigmoid / Tanh"],
        "Net.lstm": ["RNN"],
        "Net.table": [],
        "Net.head": ["Linear"],
        "Net.spare": [],
    }
    assert layers["Net.table"]["no_row"] == "the documents have no row on embeddings"
    assert layers["Net.spare"]["no_row"] == "no flow reaches it"
    assert layers["Net.conv"]["fits"] is True
    assert layers["Net.squash"]["fits"] is False
    assert layers["Net.lstm"]["fits"] is False
    code = {name: one["recommendations"][0]["options"][0]["code"] for name, one in layers.items() if rows[name]}
    assert all([each["framework"] for each in several] == ["torch", "keras"] for several in code.values())
    assert code["Net.squash"][0]["text"] == "nn.init.xavier_uniform_(self.squash.weight)"
    assert "self.blocks[0].weight" in code["Net.blocks.0"][0]["text"]
    assert "self.lstm.named_parameters()" in code["Net.lstm"][0]["text"]
    formulas = {name: one["recommendations"][0]["options"][0]["formula"] for name, one in layers.items() if rows[name]}
    assert formulas["Net.conv"].startswith("Var(W) = 2 / fan_in = 2 / 27: ")
    assert formulas["Net.squash"].startswith("Var(W) = 2 / (fan_in + fan_out) = 2 / (16 + 8): ")


def test_a_file_as_text_names_the_row_the_reason_and_the_paper(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODEL)
    text = initlint("recommend", "net.py").stdout
    assert "  8  Net.conv  Conv2d 27 -> 144 -> relu\n" in text
    assert "that is what is recommended" in text
    assert (
        "SELU: LeCun initialization: documents, section 2, Based on Activation Function\n        Ensures self-" in text
    )
    assert "Saxe et al. 2014" in text
    keras = initlint("recommend", "net.py", "--framework", "keras").stdout
    assert 'keras.layers.Conv2D(16, 3, kernel_initializer="he_normal")' in keras


def test_standard_input_and_an_output_file(initlint: Run, tmp_path: Path) -> None:
    done = initlint("recommend", "-", "--stdin-filename", "net.py", "-o", "out.txt", stdin=MODEL.encode())
    assert (done.returncode, done.stdout) == (0, "")
    assert "Net.conv" in (tmp_path / "out.txt").read_text()


KERAS = """\
import keras
from keras import layers

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu", kernel_initializer="he_normal"),
        layers.Flatten(),
        layers.Dense(64, activation="selu"),
        layers.Dense(10),
    ]
)
"""


def test_a_file_of_keras_gets_code_for_keras(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(KERAS)
    conv, hidden, head = asked(initlint, "net.py")["layers"]
    assert conv["fits"] is True
    assert conv["recommendations"][0]["options"][0]["code"] == [
        {
            "framework": "keras",
            "layer": "layer",
            "text": 'layers.Conv2D(32, 3, activation="relu", kernel_initializer="he_normal")',
        },
        {
            "framework": "torch",
            "layer": "layer",
            "text": 'model[0] = nn.Conv2d(1, 32, 3)\nnn.init.kaiming_normal_(model[0].weight, nonlinearity="relu")',
        },
    ]
    assert [one["row"] for one in hidden["recommendations"]] == ["SELU"]
    assert [one["row"] for one in head["recommendations"]] == ["Linear"]
    assert "nn.init.kaiming_normal_" in initlint("recommend", "net.py", "--framework", "torch").stdout


def test_the_readme_leads_to_every_row_of_the_documents() -> None:
    """Each line of its table names a row and the options that print it."""
    import re
    import shlex

    from initlint.recommendations import Request, for_names

    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (\d), (.+?) \| `--(\S+) (.+?)` \|$", text, re.MULTILINE)
    reached = set()
    for section, row, option, query in lines:
        (name,) = shlex.split(query)
        for one in for_names({option.replace("-", "_"): name}, Request()):
            document = one.options[0].technique.document
            found = one.row.row if one.row else document.row if document else ""
            if found == row.partition(";")[0]:
                reached.add(found)
                assert one.row is None or one.row.section.startswith(section)
    documents = [one.document.row for one in KNOWN.techniques.values() if one.document]
    assert reached == {*documents, *KNOWN.advised, *KNOWN.architectures, *KNOWN.usecases}
