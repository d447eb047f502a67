"""Rows of `initlint inspect`: what contexts agree and disagree about, and how that is told."""

from __future__ import annotations

import json
from typing import Any

from initlint.graph import Context, InitEvent, Layer, Model, Unknown, Weight
from initlint.inspection import Inspection, rows
from initlint.report.inspection.json import render as as_json
from initlint.report.inspection.text import render as as_text
from initlint.source import Place, Point, Span

DEFAULT = InitEvent("default")


def place(line: int, file: str = "net.py") -> Place:
    return Place(file, Span(Point(line, 9), Point(line, 30)))


def explicit(name: str, line: int, *args: tuple[str, Any]) -> InitEvent:
    return InitEvent(name, args, place(line), explicit=True)


def weight(*histories: tuple[InitEvent, ...], name: str = "weight", role: str = "kernel", line: int = 3) -> Weight:
    return Weight(name, role, (4, 4), histories or ((DEFAULT,),), True, place(line))


def layer(*weights: Weight, **facts: Any) -> Layer:
    given = {
        "index": 0,
        "kind": "Linear",
        "qualified": "torch.nn.Linear",
        "name": "Net.fc",
        "place": place(3),
        "owner": None,
        "module": "Net",
        "weights": weights or (weight(),),
        "fan_in": 4,
        "fan_out": 4,
        "activations": ("relu",),
        "norm_between": False,
    }
    return Layer(**{**given, **facts})


def context(*layers: Layer, genuine: bool = True) -> Context:
    return Context("Net", "net.py", layers, genuine=genuine)


def told(*contexts: Context) -> list[dict[str, Any]]:
    """The rows as JSON."""
    found = rows(Model(contexts), ["net.py"])
    document: list[dict[str, Any]] = json.loads(as_json(Inspection(tuple(found), (), 1)))
    return document


def test_a_layer_is_told_in_the_shape_of_the_contract() -> None:
    he = explicit("kaiming_normal", 9, ("mode", "fan_out"), ("a", 0.1))
    assert told(context(layer(weight((DEFAULT, he))))) == [
        {
            "file": "net.py",
            "line": 3,
            "column": 9,
            "layer": "Linear",
            "name": "Net.fc",
            "init": {
                "name": "kaiming_normal",
                "args": {"mode": "fan_out", "a": 0.1},
                "explicit": True,
                "at": {"file": "net.py", "line": 9},
            },
            "activations": ["relu"],
            "norm_between": False,
            "fan_in": 4,
            "fan_out": 4,
            "unknown": [],
        }
    ]
    assert told(context(layer()))[0]["init"] == {"name": "default", "args": {}, "explicit": False, "at": None}


def test_contexts_that_agree_are_one_row_with_all_activations() -> None:
    (row,) = told(
        context(layer(activations=("relu",))),
        context(layer(activations=("gelu", "output"))),
        context(layer(activations=None, unknown=("no forward",))),
    )
    assert row["activations"] == ["gelu", "output", "relu"]
    assert row["unknown"] == []


def test_contexts_that_differ_in_initializer_are_several_rows() -> None:
    found = told(context(layer()), context(layer(weight((DEFAULT, explicit("zeros", 8))))), context(layer()))
    assert [row["init"]["name"] for row in found] == ["default", "zeros"]


def test_ways_of_construction_are_several_rows() -> None:
    found = told(context(layer(weight((DEFAULT,), (DEFAULT, explicit("zeros", 8))))))
    assert [row["init"]["name"] for row in found] == ["default", "zeros"]


def test_facts_that_differ_between_uses_are_unknown_and_say_so() -> None:
    (row,) = told(context(layer(fan_in=64)), context(layer(fan_in=128, norm_between=True)), context(layer(fan_in=None)))
    assert row["fan_in"] is None
    assert row["norm_between"] is None
    assert row["fan_out"] == 4
    assert row["unknown"] == [
        "norm_between differs between uses: false, true",
        "fan_in differs between uses: 64, 128",
    ]


def test_of_many_values_some_are_told() -> None:
    (row,) = told(*(context(layer(fan_in=2**i)) for i in range(10)))
    assert row["unknown"] == ["fan_in differs between uses: 1, 2, 4, 8 and 6 more"]


def test_unknown_and_unreached_are_told_apart() -> None:
    (row,) = told(context(layer(activations=None, unknown=("forward not followed",))))
    assert row["activations"] is None
    assert row["unknown"] == ["forward not followed"]
    (row,) = told(context(layer(activations=())))
    assert row["activations"] == []


def test_what_is_not_understood_is_null_with_its_reason() -> None:
    strange = InitEvent("unknown", (), place(12), explicit=True)
    (row,) = told(context(layer(weight((DEFAULT, strange)))))
    assert row["init"] is None
    assert row["unknown"] == ["weight is written at line 12 by something that is not understood"]
    elsewhere = InitEvent("unknown", (), place(7, "base.py"), explicit=True)
    (row,) = told(context(layer(weight((elsewhere,)))))
    assert row["unknown"] == ["weight is written at base.py:7 by something that is not understood"]
    (row,) = told(context(layer(weight((InitEvent("zeros", covers=False),), name="gate"))))
    assert row["init"] is None
    assert row["unknown"] == ["nothing is known to write gate"]


def test_an_unknown_argument_is_left_out_and_told() -> None:
    event = explicit("normal", 9, ("mean", 0.0), ("std", Unknown("config.std")))
    (row,) = told(context(layer(weight((event,)))))
    assert row["init"]["args"] == {"mean": 0.0}
    assert row["unknown"] == ["std of normal: config.std"]


def test_an_argument_that_one_context_does_not_know_is_another_one_s() -> None:
    unknown = explicit("normal", 5, ("mean", 0), ("std", Unknown("a setting")))
    known = explicit("normal", 5, ("mean", 0), ("std", 0.02))
    elsewhere = explicit("normal", 7, ("mean", 0), ("std", 0.02))
    (row,) = told(context(layer(weight((unknown,), (known,)))))
    assert row["init"]["args"] == {"mean": 0, "std": 0.02}
    assert row["unknown"] == ["std of normal: a setting"]
    assert len(told(context(layer(weight((unknown,), (elsewhere,)))))) == 2


def test_where_a_real_use_is_known_a_guessed_one_does_not_count() -> None:
    guess = context(layer(weight((explicit("zeros", 8),)), activations=("tanh",)), genuine=False)
    assert [row["init"]["name"] for row in told(guess, context(layer()))] == ["default"]
    assert [row["init"]["name"] for row in told(guess)] == ["zeros"]


def test_what_a_layer_feeds_in_models_that_we_gave_something_unknown_is_told_too() -> None:
    def model(*layers: Layer, built: bool = True) -> Context:
        return Context("Model", "net.py", (*layers, layer(index=1, place=place(5))), genuine=False, built=built)

    def first(*contexts: Context) -> list[list[str]]:
        return [row["activations"] for row in told(*contexts) if row["line"] == 3]

    unfinished = model(layer(activations=("tanh",)))
    assert first(unfinished, context(layer())) == [["relu", "tanh"]]
    guess = layer(weight((explicit("zeros", 8),)), activations=("tanh",))
    assert first(model(guess), context(layer())) == [["relu"]]
    template = Context("make", "net.py", (layer(activations=("gelu",)), layer(place=place(6))), genuine=False)
    assert first(template, unfinished) == [["tanh"]], "a function that was told nothing"
    assert first(template) == [["gelu"]]


def test_only_files_that_were_named_are_told() -> None:
    assert told(context(layer(place=place(3, "other.py")))) == []


def test_a_layer_made_by_a_function_is_told_at_its_owner_too() -> None:
    site, owner = told(context(layer(owner=place(20))))
    assert (site["line"], owner["line"]) == (3, 20)
    assert "site" not in site
    assert owner["site"] == {"file": "net.py", "line": 3}
    (only,) = told(context(layer(place=place(3, "blocks.py"), owner=place(20))))
    assert only["site"] == {"file": "blocks.py", "line": 3}
    (once,) = told(context(layer(owner=place(3))))
    assert "site" not in once


def test_recurrent_layers_tell_both_weights() -> None:
    inner = weight((DEFAULT, explicit("orthogonal", 9)), name="weight_hh_l0", role="recurrent")
    outer = weight((DEFAULT, explicit("xavier_uniform", 8)), name="weight_ih_l0")
    bias = weight(name="bias_ih_l0", role="bias")
    (row,) = told(context(layer(outer, inner, bias, kind="LSTM", name="Net.rnn")))
    assert row["init"]["name"] == "xavier_uniform"
    assert row["recurrent_init"]["name"] == "orthogonal"
    assert row["recurrent_init"]["at"] == {"file": "net.py", "line": 9}


def test_raw_parameters_are_told_where_they_are_made() -> None:
    first = weight((explicit("normal", 9),), name="table", role="raw", line=5)
    second = weight((explicit("zeros", 10),), name="shift", role="raw", line=6)
    found = told(context(layer(first, second, kind="Parameter", name="Net")))
    assert [(row["line"], row["name"], row["init"]["name"]) for row in found] == [
        (5, "Net.table", "normal"),
        (6, "Net.shift", "zeros"),
    ]


def test_infinity_is_no_json_number() -> None:
    (row,) = told(context(layer(weight((explicit("constant", 9, ("val", float("inf"))),)))))
    assert row["init"]["args"] == {"val": "inf"}


def test_the_text_is_a_table_for_each_class() -> None:
    inner = weight((DEFAULT, explicit("orthogonal", 9, ("gain", 1.4142135))), name="weight_hh_l0", role="recurrent")
    found = rows(
        Model(
            (
                context(
                    layer(name="Net.encoder", norm_between=True),
                    layer(name="Net.fc", place=place(14), activations=None, unknown=("no forward",), fan_in=None),
                    layer(weight(), inner, name="Net.rnn", place=place(15), kind="LSTM", activations=()),
                    layer(name="Head.out", place=place(40), owner=place(50), activations=("output",)),
                ),
            )
        ),
        ["net.py"],
    )
    assert (
        as_text(Inspection(tuple(found), (), 2))
        == """\
net.py
  Net
     3  encoder  Linear 4 -> 4  default  -> norm, then relu
    14  fc       Linear ? -> 4  default  -> ?
        unknown: no forward
    15  rnn      LSTM 4 -> 4    default  -> nothing
        recurrent: orthogonal(gain=1.41421) at line 9
  Head
    40  out  Linear 4 -> 4                    default  -> output
    50  out  Linear 4 -> 4 (made at line 40)  default  -> output

5 weighted layers in 2 files; initializer and activation known of 4.
"""
    )
    assert as_text(Inspection((), (), 1)) == "0 weighted layers in 1 file.\n"


def test_a_block_that_we_built_by_itself_says_nothing_where_a_model_has_it() -> None:
    inner = {"module": "Block", "name": "Block.fc"}
    written = weight((DEFAULT, explicit("trunc_normal", 9)))
    alone = Context("Block", "net.py", (layer(activations=("output",), **inner),), built=True)
    in_model = context(layer(written, activations=("linear",), **inner), layer(written, index=1, place=place(5)))
    first, _ = told(alone, in_model)
    assert (first["init"]["name"], first["activations"]) == ("trunc_normal", ["linear"])
    assert {row["init"]["name"] for row in told(alone)} == {"default"}
    elsewhere = context(layer(written, place=place(5)))
    assert [row["init"]["name"] for row in told(alone, elsewhere)] == ["default", "trunc_normal"]
    around = Context("Outer", "net.py", alone.layers, built=True)  # which holds blocks, and no layer of its own
    assert [row["init"]["name"] for row in told(around, in_model)][:1] == ["trunc_normal"]
    factory = Context("build", "net.py", alone.layers)
    assert len(told(factory, in_model)) == 3, "what code of the project builds counts"


def test_a_block_that_other_code_builds_after_us_ends_in_no_output() -> None:
    extra = layer(index=1, place=place(7))
    block = Context("Block", "net.py", (layer(activations=("output",)), extra), built=True, part=True)
    rows = [row for row in told(block, context(layer(activations=("linear",)))) if row["line"] == 3]
    assert [row["activations"] for row in rows] == [["linear"]]
    unreached = [row for row in told(block, context(layer(activations=()))) if row["line"] == 3]
    assert [row["activations"] for row in unreached] == [["output"]]


def test_what_a_layer_feeds_is_told_by_a_block_where_no_data_reached_the_model_that_has_it() -> None:
    alone = Context("Block", "net.py", (layer(activations=("tanh",)),), built=True)
    unshown = context(layer(activations=()), layer(index=1, place=place(5), activations=()))
    first, _ = told(alone, unshown)
    assert first["activations"] == ["tanh"]
    written = weight((DEFAULT, explicit("trunc_normal", 9)))
    other = context(layer(written, activations=()), layer(index=1, place=place(5), activations=()))
    first, _ = told(alone, other)
    assert (first["init"]["name"], first["activations"]) == ("trunc_normal", [])


def test_that_no_flow_reaches_a_layer_is_said_where_no_context_leaves_it_open() -> None:
    assert [row["activations"] for row in told(context(layer(activations=())))] == [[]]
    assert [row["activations"] for row in told(context(layer(activations=())), context(layer(activations=None)))] == [
        None
    ]
    both = told(context(layer(activations=("relu",))), context(layer(activations=None)))
    assert [row["activations"] for row in both] == [["relu"]]


def test_a_layer_that_is_itself_what_we_built_is_in_no_model() -> None:
    inner = {"module": "Block", "name": "Block.fc"}
    written = weight((DEFAULT, explicit("trunc_normal", 9)))
    itself = layer(module="Block", index=1, place=place(2))
    alone = Context("Block", "net.py", (layer(**inner), itself), built=True, place=place(2))
    in_model = context(layer(written, **inner), layer(written, index=1, place=place(5)))
    assert [row["init"]["name"] for row in told(alone, in_model) if row["line"] == 3] == ["trunc_normal"]


def test_a_class_that_users_build_themselves_speaks_beside_the_models_that_have_it() -> None:
    inner = {"module": "Base", "name": "Base.fc"}
    alone = Context("Base", "net.py", (layer(activations=("output",), **inner),), built=True, offered=True)
    in_model = context(layer(activations=("linear",), **inner), layer(index=1, place=place(5)))
    assert next(row["activations"] for row in told(alone, in_model)) == ["linear", "output"]
