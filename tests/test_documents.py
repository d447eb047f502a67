"""Every row of the source documents' tables is in ours, in its words, with our answer; written out here once more."""

from __future__ import annotations

import pytest

from initlint.knowledge import knowledge

KNOWN = knowledge()

# Section 1: technique, formula, when, why; with the key that we keep it under.
TECHNIQUES = {
    "zero": (
        "Zero Initialization",
        "All weights set to zero",
        "Avoid it",
        "Breaks symmetry—neurons learn the same features",
    ),
    "random": (
        "Random Initialization",
        "Small random values (e.g., np.random.randn() * 0.01)",
        "Older/simpler models",
        "Risk of vanishing/exploding gradients",
    ),
    "xavier": (
        "Xavier (Glorot) Initialization",
        "𝑊 ∼ 𝑈(−√(6/(n_in+n_out)), √(6/(n_in+n_out))) or 𝑁(0, 2/(n_in + n_out))",  # noqa: RUF001
        "Tanh or Sigmoid activation functions",
        "Keeps variance of activations & gradients stable",
    ),
    "he": (
        "He Initialization",
        "W ~ N(0, 2/n_in) or U(−√(6/n_in), √(6/n_in))",  # noqa: RUF001
        "ReLU or variants (LeakyReLU, ELU)",
        "Compensates for dying ReLU units",
    ),
    "lecun": (
        "LeCun Initialization",
        "W ~ N(0, 1/n_in)",
        "SELU (Scaled Exponential Linear Unit)",
        "Best suited for self-normalizing nets",
    ),
    "orthogonal": (
        "Orthogonal Initialization",
        "Initialize with orthogonal matrix (QR decomposition)",
        "RNNs or deep architectures",
        "Preserves gradient flow across time or deep layers",
    ),
    "sparse": (
        "Sparse Initialization",
        "Initialize only a few connections per neuron",
        "Sparse networks or for experimental setups",
        "Mimics biological sparsity; improves efficiency",
    ),
}

# Section 2, based on activation function: activation, recommendation, reason; with our techniques.
ACTIVATIONS = [
    ("ReLU / Leaky ReLU", "He Initialization", "ReLU zeroes out negatives → need higher variance", ["he"]),
    ("Sigmoid / Tanh", "Xavier Initialization", "Keeps gradient from vanishing/exploding", ["xavier"]),
    ("SELU", "LeCun Initialization", "Ensures self-normalizing property", ["lecun"]),
    (
        "Linear",
        "Xavier or Random Small",
        "Linear functions don’t squash values, so stable variance helps",  # noqa: RUF001
        ["xavier", "random"],
    ),
]

# Section 2, based on network type.
ARCHITECTURES = [
    ("CNN", "He or Xavier", "Same rule as above, based on activation", ["he", "xavier"]),
    ("RNN", "Orthogonal", "Prevents exploding/vanishing gradients over time", ["orthogonal"]),
    ("Very Deep Nets", "He for ReLU, Xavier for Tanh", "To maintain variance across many layers", ["he", "xavier"]),
    ("Autoencoders", "Xavier for sigmoid decoder", "Helps symmetrical weight flow", ["xavier"]),
]

# Section 3.
TIPS = [
    ("Try He when using any variant of ReLU.", ["he"]),
    ("Try Xavier if using tanh or sigmoid.", ["xavier"]),
    ("Use Orthogonal for RNNs to maintain memory over time.", ["orthogonal"]),
    ("For custom or exotic activations, analyze gradient/activation statistics layer by layer.", []),
]

# Section 4: what the analogy says each technique is best for, or its verdict.
STORIES = {
    "zero": "Useless. Never start everyone the same.",
    "random": "OK for tiny teams (small networks), but unreliable.",
    "xavier": ("Networks using sigmoid/tanh activations, like basic image autoencoders or recommendation systems."),
    "he": "Convolutional neural networks, object detection, and fast feature extraction.",
    "lecun": "Deep, self-adjusting architectures.",
    "orthogonal": "Recurrent networks like RNNs, LSTMs, etc.",
    "sparse": "IoT applications or neural pruning techniques.",
}
# Section 4: each technique's analogy and its real-world feel.
ANALOGIES = {
    "zero": ("Everyone starts at zero energy. Every player performs identically every day."),
    "random": ("Give each player a random tiny amount of energy. The team starts moving, but some are too weak."),
    "xavier": (
        "We balance each player's starting energy based on their input and output roles. "
        "Every player contributes without being overwhelmed."
    ),
    "he": (
        "We give more starting energy to players who can handle fast movements (aggressive attackers). "
        "Stronger players like ReLU neurons need that boost to shine."
    ),
    "lecun": (
        "We tailor the energy so the team self-adjusts their stamina across sessions. "
        "The team slowly learns to balance themselves, even without much guidance."
    ),
    "orthogonal": (
        "We make sure each player's starting skill is completely different from the others. "
        "No two players repeat the same role — maximum efficiency."
    ),
    "sparse": ("We train only a few key players at the start. Saves energy, and we focus only on promising members."),
}
STORY_CASES = [
    ("tiny teams (small networks)", "2. Random Small Initialization", ["random"]),
    ("basic image autoencoders or recommendation systems", "3. Xavier Initialization", ["xavier"]),
    ("image recognition (e.g., using ReLU in CNNs for medical image detection)", "4. He Initialization", ["he"]),
    ("Convolutional neural networks, object detection, and fast feature extraction", "4. He Initialization", ["he"]),
    ("self-normalizing networks (like financial forecasting with SELU)", "5. LeCun Initialization", ["lecun"]),
    (
        "speech recognition or stock trend prediction where memory matters (RNNs)",
        "6. Orthogonal Initialization",
        ["orthogonal", "lecun"],
    ),
    ("lightweight models for mobile apps or edge devices", "7. Sparse Initialization", ["sparse"]),
    ("IoT applications or neural pruning techniques", "7. Sparse Initialization", ["sparse"]),
]

# Section 5: initialization, real-life vibe, used in.
SUMMARY = {
    "zero": ("Zero", "Everyone same → no progress", "Never recommended"),
    "random": ("Random Small", "Weak but random start", "Very simple tasks"),
    "xavier": ("Xavier", "Balanced start for moderate teamwork", "Sigmoid/tanh networks, simple recommendations"),
    "he": ("He", "Energetic start for aggressive learning", "Image recognition, deep CNNs (ReLU)"),
    "lecun": ("LeCun", "Self-balanced team", "Financial, time series (SELU)"),
    "orthogonal": ("Orthogonal", "Diverse, well-structured team roles", "Speech, stock, RNNs, LSTMs"),
    "sparse": ("Sparse", "Only train key players first", "Mobile apps, fast inference models"),
}

# Section 6: use case, initialization used, why.
USECASES = [
    ("Handwriting digit recognition (MNIST)", "He", "Uses ReLU in deep CNN layers", ["he"]),
    ("Chatbot memory (RNN/LSTM)", "Orthogonal", "Maintains memory across time steps", ["orthogonal"]),
    ("Movie recommender system", "Xavier", "Activation is tanh/sigmoid-based", ["xavier"]),
    ("IoT face detection on low power chip", "Sparse", "Saves memory and boosts speed", ["sparse"]),
    ("Stock prediction with SELU nets", "LeCun", "Keeps data normalized over time", ["lecun", "orthogonal"]),
    ("Voice command recognition", "Orthogonal or He", "Needs memory and fast convergence", ["orthogonal", "he"]),
]


def answered(section: str, row: str) -> list[str]:
    """The techniques that our row comes to."""
    return [answer.technique for answer in getattr(KNOWN, section)[row].answers]


@pytest.mark.parametrize("key", TECHNIQUES)
def test_techniques(key: str) -> None:
    """Section 1's row, section 4's verdict and section 5's row of each technique."""
    technique = KNOWN.techniques[key]
    assert technique.document is not None
    document = technique.document
    assert (document.row, document.formula, document.when, document.why) == TECHNIQUES[key]
    summary = technique.summary
    assert summary is not None
    assert (summary.row, summary.vibe, summary.used) == SUMMARY[key]
    assert technique.analogy.replace("’", "'") == ANALOGIES[key]  # noqa: RUF001
    assert technique.story == STORIES[key]
    assert technique.paper
    assert technique.formula


def test_techniques_beyond_the_documents_say_so() -> None:
    """Every other technique has no row, and notes that."""
    assert {key for key, technique in KNOWN.techniques.items() if technique.document} == set(TECHNIQUES)
    for key, technique in KNOWN.techniques.items():
        if key not in TECHNIQUES:
            assert technique.summary is None
            assert technique.note.startswith("not in the documents")


@pytest.mark.parametrize(
    "section, place, rows",
    [
        ("advised", "2, Based on Activation Function", ACTIVATIONS),
        ("architectures", "2, Based on Network Type", ARCHITECTURES),
        ("usecases", "6, Real-World Example Use Cases", USECASES),
    ],
)
def test_tables(section: str, place: str, rows: list[tuple[str, str, str, list[str]]]) -> None:
    """The rows of a table, in their order and words, with what we make of each."""
    ours = [row for row in getattr(KNOWN, section).values() if row.section == place]
    found = [(row.row, row.says, row.why, [answer.technique for answer in row.answers]) for row in ours]
    assert found == rows


def test_tips() -> None:
    """Section 3."""
    assert [(row, answered("tips", row)) for row in KNOWN.tips] == TIPS


def test_use_cases_of_the_analogy() -> None:
    """Section 4, each under its technique's heading."""
    head = "4, Real World Use Cases, "
    ours = [row for row in KNOWN.usecases.values() if row.section.startswith(head)]
    found = [(row.row, row.section.removeprefix(head), [a.technique for a in row.answers]) for row in ours]
    assert found == STORY_CASES
    assert len(KNOWN.usecases) == len(STORY_CASES) + len(USECASES)


def test_every_answer_has_a_reason() -> None:
    """And where there is more than one, a condition tells them apart (the first may be the rule, unconditional)."""
    for section in ("advised", "architectures", "usecases", "tips"):
        for row in getattr(KNOWN, section).values():
            assert all(answer.reason for answer in row.answers), row.row
            assert all(answer.condition for answer in row.answers[1:]), row.row
            assert len({answer.condition for answer in row.answers}) == len(row.answers), row.row


def test_stock_prediction_has_two_answers() -> None:
    """Orthogonal where memory matters, LeCun for SELU nets: both rows give both, with their conditions."""
    rows = [row for row in KNOWN.usecases.values() if "tock" in row.row]
    assert len(rows) == 2
    for row in rows:
        conditions = {answer.technique: answer.condition for answer in row.answers}
        assert set(conditions) == {"lecun", "orthogonal"}
        assert "SELU" in conditions["lecun"]
        assert "remember" in conditions["orthogonal"]
        assert "two answers" in row.note


@pytest.mark.parametrize(
    "key, note",
    [
        ("zero", "preserves the symmetry between units, it does not break it"),
        ("he", "it restores the second moment that a rectifier halves; it does not compensate for dying units"),
        ("he", "ELU, GELU and SILU take theirs from activations.toml"),
        ("he", "1.29-fold a layer"),
        ("sparse", "does not stay sparse"),
        ("lecun", "nonlinearity='selu' has the gain 3/4"),
    ],
)
def test_loose_places_are_noted(key: str, note: str) -> None:
    """Where the documents are loose, the right thing stands on the row."""
    assert note.lower() in KNOWN.techniques[key].note.lower()


def test_the_overshoot_before_elu_is_what_the_note_says() -> None:
    """He's gain on ELU's second moment."""
    moment = KNOWN.activations["elu"].second_moment
    assert moment is not None
    assert 2 * moment == pytest.approx(1.29, abs=0.005)


@pytest.mark.parametrize(
    "names, row",
    [
        ("relu leaky_relu prelu rrelu relu6 elu celu gelu silu mish softplus hardswish", "ReLU / Leaky ReLU"),
        ("sigmoid tanh softsign hardtanh hardsigmoid", "Sigmoid / Tanh"),
        ("selu", "SELU"),
        ("linear", "Linear"),
    ],
)
def test_activations_know_their_row(names: str, row: str) -> None:
    """Each activation that a row covers names it, and recommends its first answer."""
    for name in names.split():
        assert KNOWN.activations[name].document == row
        assert KNOWN.activations[name].recommended == KNOWN.advised[row].answers[0].technique
