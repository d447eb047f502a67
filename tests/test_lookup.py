"""What people type is understood: other spellings, aliases, small slips; and what is not is answered with a hint."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from initlint import lookup
from initlint.advice import SECTIONS
from initlint.cli import cli
from initlint.knowledge import knowledge
from initlint.recommendations import Request, activation, for_rows, for_technique, options_for

KNOWN = knowledge()


@pytest.mark.parametrize(
    "query, name",
    [
        ("relu", "relu"),
        ("ReLU", "relu"),
        ("nn.ReLU()", "relu"),
        ("Leaky ReLU", "leaky_relu"),
        ("torch.nn.LeakyReLU(0.2)", "leaky_relu"),
        ("torch.nn.functional.elu", "elu"),
        ("swish", "silu"),
        ("hard-swish", "hardswish"),
        ("log_softmax", "log_softmax"),
        ("none", "linear"),
    ],
)
def test_an_activation_has_many_spellings(query: str, name: str) -> None:
    assert activation(query).name == name


def test_every_activation_is_found_by_all_its_names() -> None:
    for name, spec in KNOWN.activations.items():
        for query in (name, *spec.strings, *spec.modules):
            assert activation(query).name == name, query


@pytest.mark.parametrize("query", ["reul", "gelo", "selo", "softmaxx"])
def test_a_slip_in_an_activation_is_asked_about_and_not_guessed(query: str) -> None:
    """One letter makes another activation of it."""
    with pytest.raises(lookup.MissError, match=f"no activation '{query}' in the documents; did you mean '"):
        activation(query)


@pytest.mark.parametrize(
    "section, query, rows",
    [
        ("architectures", "rnn", ["RNN"]),
        ("architectures", "LSTM", ["RNN"]),
        ("architectures", "recurent networks", ["RNN"]),
        ("architectures", "Convolutional Neural Network", ["CNN"]),
        ("architectures", "auto-encoder", ["Autoencoders"]),
        ("architectures", "VAE", ["Autoencoders"]),
        ("architectures", "very deep nets", ["Very Deep Nets"]),
        ("usecases", "movie recommender", ["Movie recommender system"]),
        ("usecases", "a recomender system for movies", ["Movie recommender system"]),
        ("usecases", "MNIST", ["Handwriting digit recognition (MNIST)"]),
        ("usecases", "chatbot", ["Chatbot memory (RNN/LSTM)"]),
        ("usecases", "face detection", ["IoT face detection on low power chip"]),
        ("usecases", "voice commands", ["Voice command recognition"]),
        (
            "usecases",
            "stock prediction",
            [
                "speech recognition or stock trend prediction where memory matters (RNNs)",
                "Stock prediction with SELU nets",
            ],
        ),
        ("usecases", "weather", None),
    ],
)
def test_a_description_finds_its_rows(section: str, query: str, rows: list[str] | None) -> None:
    if rows is None:
        with pytest.raises(lookup.MissError, match="in the documents"):
            for_rows(section, query, None, Request())
    else:
        assert [one.row.row for one in for_rows(section, query, None, Request()) if one.row] == rows


@pytest.mark.parametrize("section", [section for section in SECTIONS if section in {"architectures", "usecases"}])
def test_every_row_is_found_by_its_own_words_and_by_its_aliases(section: str) -> None:
    for key, row in getattr(KNOWN, section).items():
        assert row.aliases, key
        for query in (key, *row.aliases):
            assert key in [one.row.row for one in for_rows(section, query, None, Request()) if one.row], query


@pytest.mark.parametrize("key", list(KNOWN.techniques))
def test_every_technique_is_found_by_all_its_names(key: str) -> None:
    technique = KNOWN.techniques[key]
    rows = [technique.document.row] if technique.document else []
    for query in (key, technique.title, *technique.names, *technique.aliases, *rows):
        assert key in [one.options[0].technique.key for one in for_technique(query, Request())], query


def test_a_miss_names_what_shares_most_words() -> None:
    with pytest.raises(lookup.MissError) as raised:
        for_rows("usecases", "stock market crashes", None, Request())
    assert "'Stock prediction with SELU nets'" in str(raised.value)
    assert "MNIST" not in str(raised.value)


@pytest.mark.parametrize(
    "section, query, row",
    [
        ("architectures", "lsmt", "RNN"),
        ("architectures", "rcnn", "RNN' or 'CNN"),
        ("usecases", "cnnn", "image recognition (e.g., using ReLU in CNNs for medical image detection)"),
        ("usecases", "iott", "IoT applications or neural pruning techniques"),
        ("usecases", "mnst", "Handwriting digit recognition (MNIST)"),
    ],
)
def test_a_slip_in_a_short_word_is_asked_about(section: str, query: str, row: str) -> None:
    with pytest.raises(lookup.MissError) as raised:
        for_rows(section, query, None, Request())
    assert f"did you mean '{row}'?" in str(raised.value)


@pytest.mark.parametrize(
    "query, options",
    [
        ("gelu", ["--activation"]),
        ("mnist", ["--use-case"]),
        ("lstm", ["--architecture", "--use-case"]),
        ("glorot", ["--technique"]),
        ("weather", []),
    ],
)
def test_a_name_that_another_option_knows_is_found_there(query: str, options: list[str]) -> None:
    assert list(options_for(query)) == options


def test_the_command_says_which_option_knows_a_name() -> None:
    told = CliRunner().invoke(cli, ["recommend", "--use-case", "gelu"])
    assert told.exit_code == 2
    assert "no use case 'gelu' in the documents; there is --activation 'gelu'" in told.output
    told = CliRunner().invoke(cli, ["recommend", "--use-case", "mnst"])
    assert "did you mean 'Handwriting digit recognition (MNIST)'?" in told.output


@pytest.mark.parametrize("initialization", [one.summary.used for one in KNOWN.techniques.values() if one.summary])
def test_what_the_summary_says_a_technique_is_used_in_is_found(initialization: str) -> None:
    """Section 5, but for `Sigmoid/tanh networks`, which are activations, and what is never recommended."""
    parts = [part.partition("(")[0].strip() for part in initialization.split(",")]
    for part in parts:
        if part not in {"Never recommended", "Sigmoid/tanh networks"}:
            assert for_rows("usecases", part, None, Request()), part


@pytest.mark.parametrize(
    "section, query, call",
    [
        ("architectures", "cnn", "keras.layers.Conv2D(filters, kernel_size, "),
        ("usecases", "mnist", "keras.layers.Conv2D(filters, kernel_size, "),
        ("usecases", "object detection", "keras.layers.Conv2D(filters, kernel_size, "),
        ("architectures", "very deep", "keras.layers.Dense(units, "),
    ],
)
def test_the_code_for_a_network_makes_its_layers(section: str, query: str, call: str) -> None:
    """Convolutions for one of convolutions."""
    for advice in for_rows(section, query, None, Request(("keras",))):
        for option in advice.options:
            assert option.code
            assert all(call in code.text for code in option.code)
