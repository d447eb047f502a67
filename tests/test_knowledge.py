"""The rule tables load, are whole, and answer what the interpreter and the rules ask of them."""

from __future__ import annotations

import gc
import shutil
import time
from pathlib import Path

import pytest

from initlint import expressions, schema, tables
from initlint import knowledge as module
from initlint.interpret.keras_layers import MEASURED
from initlint.knowledge import (
    REQUIRED,
    LayerSpec,
    activation_name,
    canonical,
    knowledge,
)
from initlint.sizes import MOST_LAYERS, expand_weights, holds, size, sizes

KNOWN = knowledge()
EVERY = module.load(KNOWN.root)  # with what is read on demand, whatever other tests have asked for
for package in tables.ON_DEMAND:
    EVERY.take(package)


def arguments(spec: LayerSpec, **given: object) -> dict[str, object]:
    return {p.name: p.default for p in spec.parameters if p.default is not REQUIRED} | given


# --- the tables are whole --------------------------------------------------------------------------------------------


def test_every_row_can_be_built() -> None:
    """Rows are built when first asked for; asked for all, none is malformed."""
    for mapping in (EVERY.layers, EVERY.functions, EVERY.initializers, EVERY.activations, EVERY.techniques):
        assert len({name: mapping[name] for name in mapping}) == len(mapping) > 10


@pytest.mark.parametrize("spec", EVERY.layers.values(), ids=EVERY.layers)
def test_expressions_of_layers_are_over_their_parameters(spec: LayerSpec) -> None:
    """A shape, a fan or a condition mentions arguments of the constructor (or what only the inputs tell), nothing
    else."""
    told_by_inputs = MEASURED if spec.qualified.startswith("keras.") else {spec.lazy}
    allowed = {p.name for p in spec.parameters} | told_by_inputs | {"layer"}
    found = [spec.fan_in, spec.fan_out, spec.dilution]
    for weight in spec.weights:
        found += [*weight.shape, weight.when, weight.fan_in, weight.fan_out, weight.count, weight.reverse]
        found += [value for _, value in weight.arguments if isinstance(value, str)]
        assert weight.default in {name for technique in KNOWN.techniques.values() for name in technique.names}
        assert (weight.fan_in == "") is (weight.role not in ("kernel", "recurrent"))
    for expression in found:
        assert expressions.names(expression.removeprefix("*") or "0") <= allowed, expression


def test_arguments_that_layers_name_exist() -> None:
    """The slope's parameter and the one that chooses the activation are parameters of the constructor."""
    for spec in EVERY.layers.values():
        names = {p.name for p in spec.parameters}
        assert {spec.parameter, spec.chosen_by} - {""} <= names, spec.qualified
        assert {name for name in spec.internal if name != "attention"} <= KNOWN.activations.keys()


def test_what_lookup_tables_call_an_activation_is_unambiguous() -> None:
    """No string stands for two activations, and each is found again by its name, in any case."""
    strings = [(text, spec.name) for spec in KNOWN.activations.values() for text in {spec.name, *spec.strings}]
    assert len(dict(strings)) == len(strings)
    for text, name in strings:
        assert activation_name(text.upper()) == name
    assert activation_name("swish") == "silu"
    assert activation_name("gelu_new") == "gelu"
    assert activation_name("quick_gelu") == "gelu"
    assert activation_name("no such activation") is None


def test_recommendations_are_techniques_and_rows_are_rows() -> None:
    """An activation's recommendation and document row lead somewhere; who has no row has no recommendation."""
    for spec in KNOWN.activations.values():
        assert (spec.recommended == "") is (spec.document == "")
        if spec.document:
            answers = KNOWN.advised[spec.document].answers
            assert spec.recommended in {answer.technique for answer in answers}
            named = spec.document.lower().replace(" / ", "/").replace(" ", "_").split("/")
            assert bool(spec.extends) is not (spec.name in named)


def test_canonical_names_of_the_contract() -> None:
    """The initializers that inspect may name are all known as techniques."""
    names = {name for technique in KNOWN.techniques.values() for name in technique.names}
    contract = """zeros ones constant normal uniform trunc_normal xavier_uniform xavier_normal kaiming_uniform
    kaiming_normal lecun_uniform lecun_normal variance_scaling orthogonal sparse dirac identity"""
    assert set(contract.split()) <= names


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, expected",
    [
        ("torch.nn.Linear", "torch.nn.Linear"),
        ("torch.nn.modules.linear.Linear", "torch.nn.Linear"),
        ("torch.nn.modules.Conv2d", "torch.nn.Conv2d"),
        ("torch.nn.modules.batchnorm._BatchNorm", "torch.nn._BatchNorm"),
        ("torch.nn.modules.linear.Linear.reset_parameters", "torch.nn.Linear.reset_parameters"),
        ("torch.nn.modules.utils._pair", "torch.nn.modules.utils._pair"),
        ("torch.nn.parameter.Parameter", "torch.nn.Parameter"),
        ("torch.nn.parameter.UninitializedParameter", "torch.nn.UninitializedParameter"),
        ("torch.functional.einsum", "torch.einsum"),
        ("torch.Tensor", "torch.Tensor"),
        ("torch.Tensor.relu_", "Tensor.relu_"),
        ("torch.nn.init.xavier_uniform_", "torch.nn.init.xavier_uniform_"),
        ("torch.nn.quantized.FloatFunctional", "torch.ao.nn.quantized.FloatFunctional"),
        ("timm.models.layers.trunc_normal_", "timm.layers.trunc_normal_"),
        ("timm.models.layers.weight_init.lecun_normal_", "timm.layers.lecun_normal_"),
        ("timm.layers.weight_init.trunc_normal_tf_", "timm.layers.trunc_normal_tf_"),
        ("torchvision.ops.stochastic_depth.StochasticDepth", "torchvision.ops.StochasticDepth"),
        ("transformers.initialization.normal_", "torch.nn.init.normal_"),
        ("transformers.modeling_utils.Conv1D", "transformers.pytorch_utils.Conv1D"),
        ("mypackage.torch.nn.Linear", "mypackage.torch.nn.Linear"),
        ("torch", "torch"),
        ("", ""),
    ],
)
def test_canonical(name: str, expected: str) -> None:
    """One thing has one name; what is canonical stays as it is."""
    assert canonical(name) == expected
    assert canonical(expected) == expected


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_sizes_of_what_is_partly_known() -> None:
    """An unknown argument makes its entries None, and nothing else."""
    spec = KNOWN.layers["torch.nn.Conv2d"]
    kernel = spec.weights[0]
    assert sizes(kernel, arguments(spec, in_channels=8, out_channels=4, kernel_size=3)) == (4, 8, 3, 3)
    assert sizes(kernel, arguments(spec, out_channels=4, kernel_size=(3, 1))) == (4, None, 3, 1)
    assert sizes(kernel, arguments(spec, in_channels=8, out_channels=4)) == (4, 8, None, None)
    assert sizes(kernel, arguments(spec, in_channels=8, out_channels=object(), kernel_size=3)) == (None, 8, 3, 3)
    assert sizes(kernel, arguments(spec, in_channels=8, out_channels=4, kernel_size=3, groups=0)) == (4, None, 3, 3)
    assert sizes(kernel, {}) == (None, None, None, None)
    norm = KNOWN.layers["torch.nn.LayerNorm"]
    assert sizes(norm.weights[0], arguments(norm, normalized_shape=7)) == (7,)
    assert sizes(norm.weights[0], arguments(norm, normalized_shape=[7, 2])) == (7, 2)
    assert sizes(norm.weights[0], arguments(norm)) is None


def test_an_unknown_condition_keeps_the_weight() -> None:
    """`bias=flag` may have a bias; bias=False has none."""
    spec = KNOWN.layers["torch.nn.Linear"]
    known = {"in_features": 3, "out_features": 2}
    assert [w.name for w in expand_weights(spec, arguments(spec, **known))] == ["weight", "bias"]
    assert [w.name for w in expand_weights(spec, arguments(spec, **known, bias=False))] == ["weight"]
    assert [w.name for w in expand_weights(spec, arguments(spec, **known, bias=object()))] == ["weight", "bias"]
    assert holds("bias", {}) is None
    assert holds("", {}) is True


def test_stacked_layers_are_listed_as_far_as_they_are_known() -> None:
    """Unknown number of layers: the first one. A huge number: bounded."""
    spec = KNOWN.layers["torch.nn.GRU"]
    known = {"input_size": 3, "hidden_size": 4}
    assert {w.name[-2:] for w in expand_weights(spec, arguments(spec, **known, num_layers=object()))} == {"l0"}
    assert len(expand_weights(spec, arguments(spec, **known, num_layers=10**12))) == 4 * MOST_LAYERS
    forward = expand_weights(spec, arguments(spec, **known, bidirectional=object()))
    assert not any(w.name.endswith("_reverse") for w in forward)


@pytest.mark.parametrize(
    "expression, value",
    [
        ("a + 2 * b", 8),
        ("a // 0", None),
        ("a % 2", 0),
        ("-a", None),  # no size
        ("-a + b", 1),
        ("prod(t)", 6),
        ("prod(a, 3)", 8),
        ("prod(unknown, 3)", None),
        ("prod(mixed)", None),
        ("len(t) + t[1]", 5),
        ("t[7]", None),
        ("a if b > 2 else 0", 2),
        ("a if unknown else 0", None),
        ("b if not flag else a", 2),
        ("0 or b", 3),
        ("unknown or b", None),
        ("max(a, b)", 3),
        ("floor(7 / a)", 3),
        ("sqrt(-b)", None),
        ("word * 5", None),
        ("flag", None),
        ("7 / a", None),
        ("foreign + 1", None),
    ],
)
def test_size(expression: str, value: int | None) -> None:
    """Arithmetic over what is known; None for the rest, whatever the user's arguments are."""
    given = {"a": 2, "b": 3, "t": (2, 3), "mixed": (2, "x"), "flag": True, "word": "x" * 9, "foreign": object()}
    assert size(expression, given) == value


def test_conditions_are_three_valued() -> None:
    """What decides an `and` or an `or` decides it, wherever it stands."""
    assert holds("unknown and no", {"no": False}) is False
    assert holds("no and unknown", {"no": False}) is False
    assert holds("unknown or yes", {"yes": True}) is True
    assert holds("unknown and yes", {"yes": True}) is None
    assert holds("kdim is None or kdim == embed", {"kdim": None, "embed": 4}) is True


@pytest.mark.parametrize(
    "text", ["a +", "__import__('os')", "a.b", "[a]", "f(a)", "lambda: a", "a < b < c", "prod(x=a)"]
)
def test_only_the_small_language(text: str) -> None:
    """Anything else in a table is an error, not a value."""
    with pytest.raises(expressions.ExpressionError):
        expressions.evaluate(text, {"a": 1, "b": 2, "c": 3})


# --- where the tables are, and what they cost -------------------------------------------------------------------------


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the rule tables, to be spoilt."""
    return Path(shutil.copytree(schema.folder(), tmp_path / "rules"))


def test_the_folder_is_the_registry(rules: Path) -> None:
    """A new file in rules/layers is read without being named anywhere."""
    (rules / "layers" / "mine.toml").write_text(
        'package = "mine"\n[[layers]]\nkinds = "Gate"\nrole = "activation"\nactivation = "tanh"\nsignature = "width"\n'
    )
    loaded = module.load(str(rules))
    assert loaded.layers["mine.Gate"].parameters[0].name == "width"
    assert "mine.Gate" in loaded.activations["tanh"].modules


def test_tables_in_the_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package has its own rules; a checkout has them beside it."""
    package = tmp_path / "initlint"
    package.mkdir()
    monkeypatch.setattr(schema, "__file__", str(package / "schema.py"))
    assert Path(schema.folder()) == tmp_path / "rules"
    (package / "rules").mkdir()
    assert Path(schema.folder()) == package / "rules"


def test_loading_is_quick() -> None:
    """The tables are read at every start: a few milliseconds (measured 6; the bound leaves room for a busy machine)."""
    best = 1.0
    gc.disable()
    try:
        for _ in range(9):
            begin = time.process_time()
            module.load(schema.folder())
            best = min(best, time.process_time() - begin)
    finally:
        gc.enable()
    assert best < 0.025


def test_layer_rows_are_shared_not_built_at_load() -> None:
    """Loading gathers rows; nothing is built until it is asked for."""
    rows = tables.gather(schema.folder())
    assert rows.layers["torch.nn.Conv1d"].row is rows.layers["torch.nn.Conv3d"].row
    loaded = module.load(schema.folder())
    assert isinstance(loaded.layers, schema.Table)
    assert not loaded.layers._built
    assert loaded.layers["torch.nn.Conv1d"] is loaded.layers["torch.nn.Conv1d"]
    assert loaded.layers.get("torch.nn.NoSuchLayer") is None
