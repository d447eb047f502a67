"""INI501 to 506 and 601 to 608 on models made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from modelling import bias, context, layer, model, place, weight, write

from initlint.findings import Match, Severity
from initlint.graph import Context, Incident, InitEvent, Layer, Method, Sweep, TypeTest
from initlint.rules import matches

OUTER = Sweep(place(40), "apply", "Net", "Net._init_weights", wrote=(0, 1))


def found(*contexts: Context) -> list[Match]:
    return matches(model(*contexts))


def lines(code: str, *contexts: Context) -> list[int]:
    return [match.place.span.start.line for match in found(*contexts) if match.code == code]


# --- INI501 -----------------------------------------------------------------------------------------------------------


def methods(**changes: object) -> list[Match]:
    facts: dict[str, object] = {"name": "init_weights", "owner": "Net", "place": place(7), "called": False, "built": 1}
    return matches(model(methods=[Method(**{**facts, **changes})]))  # type: ignore[arg-type]


def test_a_method_that_nothing_calls() -> None:
    (match,) = methods()
    assert (match.code, match.severity, match.place) == ("INI501", Severity.WARNING, place(7))
    assert match.message.startswith("Net.init_weights initializes weights")


@pytest.mark.parametrize("change", [{"called": True}, {"called": None}, {"built": 0}, {"owner": ""}])
def test_a_method_that_may_be_called(change: dict[str, object]) -> None:
    assert not methods(**change)


# --- INI502 -----------------------------------------------------------------------------------------------------------


def late(*history: InitEvent, complete: bool = True) -> Context:
    sweep = Sweep(place(10), "apply", "Net", "Net._init_weights", wrote=(0,), missed=(1,))
    first = layer(0, weight(write("trunc_normal", 20, std=0.02, sweep=0)))
    return context([first, layer(1, weight(*history), activations=("output",))], sweeps=[sweep], complete=complete)


def test_a_pass_before_its_layers() -> None:
    (match,) = [m for m in found(late()) if m.code == "INI502"]
    assert match.place == place(10)
    assert match.message == "apply(_init_weights) runs before Net.fc1 exists, which keeps its default"
    assert [site.name for site in match.related] == ["Net.fc1"]


def test_layers_that_something_else_initializes() -> None:
    assert not lines("INI502", late(write("zeros", 30)))
    assert not lines("INI502", late(InitEvent("unknown", explicit=True, certain=False)))
    assert not lines("INI502", late(complete=False))


def test_a_head_that_takes_another_one_s_place() -> None:
    """Exchanging a layer of a finished model is no pass that came too early."""
    sweep = Sweep(place(10), "apply", "Net", "Net._init_weights", wrote=(0,), missed=(1,))
    first = layer(0, weight(write("trunc_normal", 20, std=0.02, sweep=0)), name="Linear")
    assert not lines("INI502", context([first, layer(1, activations=("output",))], sweeps=[sweep]))


# --- INI503 -----------------------------------------------------------------------------------------------------------


def rewritten(*events: InitEvent, others: tuple[InitEvent, ...] = (), sweeps: tuple[Sweep, ...] = (OUTER,)) -> Context:
    layers = [layer(0, weight(*events)), layer(1, weight(*others), activations=("output",))]
    return context(layers, sweeps=sweeps)


LATER = write("trunc_normal", 45, std=0.02, sweep=0)


def test_a_dead_write() -> None:
    (match,) = [m for m in found(rewritten(write("orthogonal", 20), LATER)) if m.code == "INI503"]
    assert match.place == place(20)
    assert match.message == "orthogonal_ has no effect: trunc_normal_ in line 45 overwrites Net.fc0 later"
    assert [site.place for site in match.related] == [place(45)]


def test_the_same_law_again_is_no_loss() -> None:
    assert not lines("INI503", rewritten(write("trunc_normal", 20, mean=0.0, std=0.02), LATER))


def test_a_special_case_after_the_pass() -> None:
    assert not lines("INI503", rewritten(LATER, write("orthogonal", 50)))
    narrow = Sweep(place(50), "modules", "Head", "Net.__init__", wrote=(0,))
    special = write("orthogonal", 51, sweep=1)
    assert not lines("INI503", rewritten(LATER, special, others=(LATER,), sweeps=(OUTER, narrow)))


def test_a_pass_after_a_narrower_pass() -> None:
    narrow = Sweep(place(18), "modules", "Block", "Block.__init__", wrote=(0,))
    inner, later = write("xavier_uniform", 20, sweep=0), replace(LATER, sweep=1)
    assert lines("INI503", rewritten(inner, later, others=(later,), sweeps=(narrow, OUTER))) == [20]


@pytest.mark.parametrize("function", ["Masked.reset_parameters", "Masked._reset_parameters"])
def test_a_layer_s_own_default_may_be_overridden(function: str) -> None:
    assert not lines("INI503", rewritten(write("orthogonal", 20, function=function), LATER))


def test_a_write_that_survives_somewhere_is_alive() -> None:
    event = write("orthogonal", 20)
    assert not lines("INI503", context([layer(0, weight(event, LATER)), layer(1, weight(event))], sweeps=[OUTER]))
    ways = ((event, LATER), (event,))
    assert not lines("INI503", context([layer(0, weight(histories=ways)), layer(1)], sweeps=[OUTER]))


def test_uncertain_and_partial_writes_do_not_count() -> None:
    assert not lines("INI503", rewritten(write("orthogonal", 20, certain=False), LATER))
    assert not lines("INI503", rewritten(write("orthogonal", 20), write("zeros", 45, sweep=0, covers=False)))


# --- INI505 -----------------------------------------------------------------------------------------------------------


def asked(*contexts: Context, **changes: object) -> list[Match]:
    facts: dict[str, object] = {
        "place": place(12),
        "text": "isinstance(m, nn.Conv2d)",
        "kind": "type",
        "asked": ("Conv2d",),
        "true": 0,
        "false": 2,
        "unknown": 0,
        "seen": ("Conv1d", "Linear"),
        "body": ("kaiming_normal",),
    }
    test = TypeTest(**{**facts, **changes})  # type: ignore[arg-type]
    return [m for m in matches(model(*contexts, tests=[test])) if m.code == "INI505"]


def convolution(*history: InitEvent) -> Layer:
    return layer(0, weight(*history), bias(), kind="Conv1d", name="Net.conv", activations=("gelu",))


def test_a_branch_for_the_wrong_dimension() -> None:
    (match,) = asked(context([convolution()]))
    assert (match.severity, match.place) == (Severity.WARNING, place(12))
    assert match.message == "no module is Conv2d: Net.conv (Conv1d) left at the default"


@pytest.mark.parametrize(
    "change",
    [
        {"true": 1},
        {"unknown": 1},
        {"false": 0},
        {"body": ()},
        {"seen": ("Linear",)},
        {"asked": ("Embedding",), "text": "isinstance(m, nn.Embedding)"},
    ],
)
def test_a_spare_branch_costs_nothing(change: dict[str, object]) -> None:
    assert not asked(context([convolution()]), **change)


def test_a_layer_that_is_initialized_is_not_missed() -> None:
    assert not asked(context([convolution(write("orthogonal", 30))]))


def test_a_norm_that_the_branch_would_leave_as_it_is() -> None:
    ones = weight(role="norm", shape=(64,), default="ones", name="weight")
    norm = layer(0, ones, kind="BatchNorm1d", activations=None)
    facts = {"asked": ("BatchNorm2d",), "seen": ("BatchNorm1d",), "text": "isinstance(m, nn.BatchNorm2d)"}
    assert not asked(context([norm], []), **facts, body=("ones", "zeros"))
    assert asked(context([norm], []), **facts, body=("normal", "zeros"))


def test_a_name_without_its_path() -> None:
    facts = {"kind": "name", "text": "name == 'c_proj.weight'", "asked": ("c_proj.weight",)}
    (match,) = asked(context([]), **facts, seen=("attn.c_proj.weight",))
    assert match.message == "no name is 'c_proj.weight': names are dotted paths such as 'attn.c_proj.weight'"
    assert not asked(context([]), **facts, seen=("attn.c_fc.weight",))


def test_a_name_in_the_wrong_case() -> None:
    facts = {"kind": "name", "text": "'Conv' in name", "asked": ("Conv",)}
    assert asked(context([]), **facts, seen=("conv1.weight",))
    assert not asked(context([]), **facts, seen=("fc.weight",))


def test_a_text_beside_or_is_always_true() -> None:
    facts = {"kind": "name", "asked": ("conv", "fc"), "true": 4, "false": 0, "seen": ()}
    (match,) = asked(context([]), **facts, text="'conv' or 'fc' in name")
    assert match.message.startswith("the text 'conv' beside `or` is always true")
    assert not asked(context([]), **facts, text="'conv' in name or 'fc' in name")


# --- incidents --------------------------------------------------------------------------------------------------------

CRASHES = {
    "fan-of-vector": ("INI601", {"function": "xavier_uniform_", "expression": "p", "rank": "1", "needs": "2"}),
    "unsupported-nonlinearity": ("INI602", {"function": "kaiming_normal_", "argument": "mode", "value": "fan_avg"}),
    "missing-bias": ("INI603", {"function": "zeros_", "expression": "m.bias"}),
    "unknown-initializer": ("INI604", {"name": "he_normal_", "hint": "kaiming_normal_"}),
    "wrong-rank": ("INI605", {"function": "eye_", "expression": "conv.weight", "rank": "4"}),
    "inplace-on-leaf": ("INI606", {"method": "normal_", "expression": "w.normal_()"}),
    "assign-non-parameter": ("INI607", {"expression": "fc.weight"}),
    "init-of-module": ("INI608", {"function": "xavier_uniform_", "module": "Linear"}),
}


@pytest.mark.parametrize("kind", CRASHES)
@pytest.mark.parametrize("told", [True, False])
def test_what_raises_is_an_error(kind: str, told: bool) -> None:
    code, facts = CRASHES[kind]
    incident = Incident(kind, place(20), tuple(facts.items()) if told else (), (0,))
    (match,) = found(context([layer(0, activations=("output",))], incidents=[incident]))
    assert (match.code, match.severity, match.verdict, match.place) == (code, Severity.ERROR, "crash", place(20))
    assert "{" not in match.message
    assert all(not told or value in match.message for key, value in facts.items() if key in ("expression", "value"))
    assert [site.name for site in match.layers] == ["Net.fc0"]


def test_what_may_not_happen_is_silent() -> None:
    assert not found(context([], incidents=[Incident("wrong-rank", place(20), certain=False)]))


def test_a_lost_write_is_a_warning() -> None:
    incident = Incident("init-on-copy", place(20), (("expression", "m.weight.clone()"),))
    (match,) = found(context([], incidents=[incident]))
    assert (match.code, match.severity, match.verdict) == ("INI506", Severity.WARNING, "unreached")


def test_rank_owners_speak_for_their_call() -> None:
    both = [Incident("wrong-rank", place(20)), Incident("fan-of-vector", place(20))]
    assert [match.code for match in found(context([], incidents=both))] == ["INI605"]


def test_selection_limits_what_is_asked() -> None:
    both = context([], incidents=[Incident("wrong-rank", place(20)), Incident("init-of-module", place(22))])
    assert [m.code for m in matches(model(both), frozenset({"INI608"}))] == ["INI608"]
