"""The rule table: every rule of this stage is there and documented, and what is wrong in a file is told at load."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from initlint.conditions import compile_when, fields
from initlint.knowledge import knowledge
from initlint.predicates import PREDICATES, values
from initlint.rulebook import SOURCE, all_rules, build, load
from initlint.schema import KnowledgeError, Where, folder
from initlint.stretches import DEEP
from initlint.subjects import Use
from initlint.survey import SUBJECTS
from initlint.wording import compile_messages, enumerated

HERE = [
    "001",
    "002",
    "101",
    "102",
    "103",
    "104",
    "105",
    "201",
    "202",
    "203",
    "204",
    "205",
    "206",
    "207",
    "208",
    "209",
    "210",
    "301",
    "302",
    "401",
    "402",
    "403",
    "404",
    "501",
    "502",
    "503",
    "504",
    "505",
    "506",
    "601",
    "602",
    "603",
    "604",
    "605",
    "606",
    "607",
    "608",
]
NAMED = ("Xavier", "He")  # the techniques that bear a name
# known wherever what the condition asks for is known
IMPLIED = [
    "activation",
    "value",
    "right_spelling",
    "argument",
    "given",
    "right",
    "saturation",
    "by",
    "he_keeps",
    "hundred_steps",
    "kept",
    "fan_told",
    "fan_true",
    "truncation",
]
CHECKS = Path(folder()) / "checks"


def test_every_rule_of_the_stage_is_there() -> None:
    assert list(all_rules()) == [f"INI{number}" for number in HERE]


@pytest.mark.parametrize("code", list(all_rules()))
def test_a_rule_is_documented(code: str) -> None:
    rule = all_rules()[code]
    assert rule.summary[0].islower() or rule.summary.split()[0] in NAMED
    assert not rule.summary.endswith(".")
    assert rule.references
    assert len(rule.what) > 60
    assert len(rule.why) > 30
    assert rule.harmless
    assert "import torch" in rule.bad or "import keras" in rule.bad
    assert "import torch" in rule.good or "import keras" in rule.good
    assert rule.bad != rule.good


def test_the_rows_of_the_documents_that_rules_name_are_there() -> None:
    known = knowledge()
    rows = {technique.document.row for technique in known.techniques.values() if technique.document}
    rows |= {*known.advised, *known.architectures, *known.usecases}
    named = {
        row
        for rule in all_rules().values()
        for reference in rule.references
        if reference.startswith("documents")
        for row in re.findall(r"row '([^']+)'", reference)
    }
    assert named <= rows
    assert {"Zero Initialization", "ReLU / Leaky ReLU", "Sigmoid / Tanh", "SELU", "RNN"} <= named


@pytest.mark.parametrize("code", list(all_rules()))
def test_the_last_message_needs_no_uncertain_fact(code: str) -> None:
    """So that every finding can be told: what the condition demands is known where it fires."""
    rule = all_rules()[code]
    if rule.subject == SOURCE:
        return
    text = (CHECKS / f"{code}.toml").read_text(encoding="utf-8")
    when = text[text.index("[when]") :]
    vocabulary = SUBJECTS[rule.subject].subject
    for name in rule.messages[-1].names:
        annotation = str(vars(vocabulary)[name].fget.__annotations__["return"])
        assert not annotation.endswith("| None") or f"\n{name} =" in when or name in IMPLIED, name


def test_precedence_is_as_the_rules_say() -> None:
    order = {code: set(rule.over) for code, rule in all_rules().items()}
    assert {"INI201", "INI202", "INI206"} <= order["INI203"]
    assert {"INI201", "INI202"} <= order["INI206"]
    assert "INI101" in order["INI105"]
    assert "INI601" in order["INI605"]


def changed(tmp_path: Path, code: str, old: str, new: str) -> Path:
    shutil.copytree(CHECKS, tmp_path / "checks")
    file = tmp_path / "checks" / f"{code}.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "code, old, new, error",
    [
        ("INI201", 'code = "INI201"', 'code = "INI299"', "code: expected the file's name, INI201, got 'INI299'"),
        ("INI201", 'subject = "weight"', 'subject = "weigth"', "did you mean 'weight'?"),
        ("INI201", 'severity = "info"', 'severity = "note"', "severity: expected one of error, info, warning"),
        ("INI201", "keep = {", "depth = {", None),
        ("INI201", "keep = { below = 0.95 }", "keeps = { below = 0.95 }", "did you mean 'keep'?"),
        ("INI201", "keep = { below = 0.95 }", "keep = { bellow = 0.95 }", "when.keep: expected one of"),
        ("INI201", "keep = { below = 0.95 }", 'keep = { below = "0.95" }', "when.keep.below: expected a number"),
        ("INI201", 'all = ["rectifier"]', 'all = ["rectifyer"]', "did you mean 'rectifier'?"),
        ("INI201", '"xavier_normal"]\nrole', '"xavier_norml"]\nrole', "did you mean 'xavier_normal'?"),
        ("INI201", "explicit = true", 'explicit = "yes"', "when.explicit: expected true or false"),
        ("INI205", 'loop = "info"', 'loop = "note"', "band.loop: expected one of"),
        ("INI201", 'cure = "gain"', 'cure = "gian"', "did you mean 'gain'?"),
        ("INI201", "forward = [0.13, 10]", "forward = [10, 0.13]", "band.forward: expected two numbers, the lower one"),
        ("INI601", "[when]", "[band]\nforward = [0.1, 1]\n[when]", "band: expected a rule on weights, calls"),
        ("INI201", "{falls_to}", "{falls_two}", "message[2]: expected one of"),
        ("INI201", "fix =", "fixx =", "did you mean 'fix'?"),
        ("INI301", "outside = [0.9, 1.2]", "outside = [1.2, 0.9]", "expected two numbers, the lower one first"),
        ("INI402", 'predicate = "outside-sparse-context"', 'predicate = "sparse"', "when.predicate: expected one of"),
        ("INI206", 'over = ["INI201", "INI202"', 'over = ["INI201", "INI292"', "got 'INI292'; did you mean"),
        ("INI201", 'over = ["INI207"', 'over = ["INI206"', "over: expected no rule that goes before this one"),
        ("INI602", 'raises",\n]', 'raises.",\n]', "expected a message in lower case without a full stop"),
        ("INI501", 'owner = { not = "" }', 'owner = { without = "" }', "expected one of not"),
        ("INI501", 'name = "init-never-called"', 'name = "initNeverCalled"', "name: expected a name like"),
        ("INI501", "[when]", "[[louder]]\nseverity = 'error'\n[louder.when]", "expected a table `when`"),
    ],
)  # fmt: skip
def test_an_error_names_file_key_and_expectation(
    tmp_path: Path, code: str, old: str, new: str, error: str | None
) -> None:
    root = changed(tmp_path, code, old, new)
    if error is None:
        assert load(str(root))
        return
    with pytest.raises(KnowledgeError) as raised:
        load(str(root))
    assert str(raised.value).startswith(f"rules/checks/{code}.toml: ")
    assert error in str(raised.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="rules/checks: expected a folder"):
        load(str(tmp_path))


def test_the_vocabulary_is_the_typed_properties() -> None:
    vocabulary = fields(Use)
    assert vocabulary["keep"] == "number"
    assert vocabulary["explicit"] == "flag"
    assert vocabulary["technique"] == "text"
    assert vocabulary["activations"] == "set"
    assert not {"place", "sites", "marks", "long"} & vocabulary.keys()


def test_rules_may_ask_for_every_initializer_there_is() -> None:
    assert {spec.technique for spec in knowledge().initializers.values()} <= set(values("weight")["technique"])


def test_values_are_asked_of_fields_that_exist() -> None:
    for name, kind in SUBJECTS.items():
        assert values(name).keys() <= fields(kind.subject).keys()
        assert all(callable(test) for test in PREDICATES.get(name, {}).values())


class Thing:
    """A subject for the tests of conditions."""

    def __init__(self, word: str | None = "a", size: float | None = 2.0, flag: bool | None = True) -> None:
        self._word, self._size, self._flag = word, size, flag

    @property
    def word(self) -> str | None:
        return self._word

    @property
    def size(self) -> float | None:
        return self._size

    @property
    def flag(self) -> bool | None:
        return self._flag

    @property
    def words(self) -> frozenset[str] | None:
        return None if self._word is None else frozenset(self._word)


@pytest.mark.parametrize(
    "when, thing, answer",
    [
        ({"word": "a"}, Thing(), True),
        ({"word": ["b", "a"]}, Thing(), True),
        ({"word": {"not": "a"}}, Thing(), False),
        ({"word": {"not": ["b"]}}, Thing(), True),
        ({"word": "a"}, Thing(None), None),
        ({"size": 2}, Thing(), True),
        ({"size": {"not": 2}}, Thing(), False),
        ({"size": {"above": 1, "at_most": 2}}, Thing(), True),
        ({"size": {"above": 1, "below": 2}}, Thing(), False),
        ({"size": {"outside": [1, 3]}}, Thing(), False),
        ({"size": {"within": [1, 2]}}, Thing(), True),
        ({"flag": False}, Thing(), False),
        ({"words": {"any": ["b", "c"]}}, Thing("ab"), True),
        ({"words": {"all": ["a", "c"]}}, Thing("ab"), False),
        ({"words": {"all": ["a"]}}, Thing(""), False),
        ({"words": {"none": ["c"]}}, Thing("ab"), True),
        ({"flag": True, "word": "b"}, Thing(flag=None), False),
        ({"flag": True, "word": "a"}, Thing(flag=None), None),
    ],
)
def test_conditions_in_three_values(when: dict[str, object], thing: Thing, answer: bool | None) -> None:
    assert compile_when(when, Thing, {}, {}, Where("x")).holds(thing) is answer


def test_names_are_shortened() -> None:
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b", "a"]) == "a and b"
    assert enumerated(["a", "b", "c", "d"]) == "a, b, c and d"
    assert enumerated(list("abcdef")) == "a, b, c and 3 more"


def test_a_template_with_an_unknown_fact_gives_way() -> None:
    first, second = compile_messages(["{word} is {size:.1f}", "a thing"], Thing, Where("x"))
    assert first.render(Thing(), ()) == "a is 2.0"
    assert first.render(Thing(size=None), ()) is None
    assert second.render(Thing(size=None), ()) == "a thing"


def test_a_rule_without_a_condition_is_the_pipeline_s() -> None:
    with pytest.raises(KnowledgeError, match=re.escape("rules/checks/INI999.toml: top level: expected the key 'name'")):
        build({"code": "INI999"}, Where("rules/checks/INI999.toml"))


def test_the_default_counts_from_the_depth_that_ini207_has() -> None:
    measure = all_rules()["INI207"].measure
    assert measure is not None
    assert measure.band.depth == DEEP
