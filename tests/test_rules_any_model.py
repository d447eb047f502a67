"""Whatever the model, the engine answers: no crash, sorted, without duplicates, the same each time."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modelling import context, model, place

from initlint.graph import (
    Activation,
    Context,
    Edge,
    Incident,
    InitEvent,
    Layer,
    Method,
    Node,
    Sweep,
    TypeTest,
    Unknown,
    Weight,
    check,
)
from initlint.knowledge import knowledge
from initlint.predicates import INCIDENTS
from initlint.rules import matches

TECHNIQUES = sorted(
    {spec.technique for spec in knowledge().initializers.values()} | {"default", "unknown", "empty", "made_up"}
)
SPELLINGS = ["", "nowhere.at_all", *sorted(knowledge().initializers)]
ACTIVATIONS = [*sorted(knowledge().activations), "output", "attention", "something_else"]
KINDS = [
    "Linear",
    "Conv2d",
    "ConvTranspose2d",
    "LSTM",
    "RNN",
    "Embedding",
    "BatchNorm1d",
    "Parameter",
    "MultiheadAttention",
    "Odd",
]

lines = st.integers(1, 60).map(place)
numbers = st.one_of(st.floats(-3, 3), st.sampled_from([0, 1, 0.0, 1e300, -1e-300, float("inf"), float("nan"), True]))
values = st.one_of(numbers, st.sampled_from(["relu", "gelu", "fan_out", "x", None, Unknown("config")]))
names_of_arguments = st.sampled_from(["gain", "a", "b", "mode", "nonlinearity", "mean", "std", "val", "sparsity"])
sizes = st.one_of(st.none(), st.integers(0, 2000))
few = st.integers(0, 3)


@st.composite
def events(draw: st.DrawFn) -> InitEvent:
    explicit = draw(st.booleans())
    return InitEvent(
        draw(st.sampled_from(TECHNIQUES)),
        tuple(draw(st.dictionaries(names_of_arguments, values, max_size=3)).items()),
        draw(lines) if explicit else None,
        draw(st.sampled_from(SPELLINGS)),
        explicit,
        draw(st.booleans()),
        draw(st.one_of(st.none(), st.integers(0, 3))),
        draw(st.sampled_from(["", "Net.__init__", "Net.reset_parameters"])),
        tuple(draw(st.lists(lines, max_size=2))),
        draw(st.booleans()),
    )


@st.composite
def weights(draw: st.DrawFn) -> Weight:
    return Weight(
        draw(st.sampled_from(["weight", "bias", "weight_hh_l0", "token"])),
        draw(st.sampled_from(["kernel", "bias", "recurrent", "embedding", "norm", "raw", "gain"])),
        draw(st.one_of(st.none(), st.lists(sizes, max_size=4).map(tuple))),
        tuple(draw(st.lists(st.lists(events(), max_size=3).map(tuple), min_size=1, max_size=3))),
        draw(st.sampled_from([True, True, False, None])),
        draw(lines),
        draw(st.booleans()),
        draw(st.sampled_from(TECHNIQUES)),
    )


@st.composite
def layers(draw: st.DrawFn, index: int) -> Layer:
    kind = draw(st.sampled_from(KINDS))
    return Layer(
        index,
        kind,
        f"torch.nn.{kind}",
        draw(st.sampled_from([f"Net.layer{index}", kind, "Masked.fc"])),
        draw(lines),
        None,
        draw(st.sampled_from(["Net", "Block"])),
        tuple(draw(st.lists(weights(), max_size=3))),
        draw(sizes),
        draw(sizes),
        draw(st.one_of(st.none(), st.lists(st.sampled_from(ACTIVATIONS), max_size=2).map(tuple))),
        draw(st.sampled_from([True, False, None])),
    )


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    count = draw(st.integers(0, 4))
    made = [draw(layers(index)) for index in range(count)]
    ends = st.integers(-6, count - 1)
    inside = st.integers(0, count - 1) if count else st.nothing()
    activation = st.one_of(
        st.none(), st.builds(Activation, st.sampled_from(ACTIVATIONS), st.none(), numbers | st.none())
    )
    path = st.lists(st.sampled_from(["norm", "add", "cat", "mul", "activation", "scale"]), max_size=3).map(tuple)
    edges = draw(st.lists(st.builds(Edge, ends, ends, activation, path), max_size=8))
    operations = "input layer activation norm add cat mul matmul scale attention either output unknown".split()
    nodes = [
        Node(
            draw(st.sampled_from(operations)),
            tuple(draw(st.lists(st.integers(0, i - 1), max_size=2))) if i else (),
            draw(st.sampled_from(ACTIVATIONS)),
            draw(st.integers(-1, count - 1)),
        )
        for i in range(draw(few))
    ]
    reached = st.lists(inside, max_size=3).map(tuple) if count else st.just(())
    sweep = st.builds(
        Sweep, lines, st.sampled_from(["apply", "modules"]), st.just("Net"), st.just("f"), reached, reached
    )
    facts = st.dictionaries(
        st.sampled_from(["function", "expression", "rank", "what"]), st.text(max_size=80), max_size=3
    )
    incident = st.builds(
        Incident,
        st.sampled_from(sorted(INCIDENTS)),
        lines,
        facts.map(lambda d: tuple(d.items())),
        reached,
        st.booleans(),
    )
    return context(
        made,
        edges,
        entry=draw(st.sampled_from(["Net", "Block", "<module>"])),
        nodes=nodes,
        sweeps=draw(st.lists(sweep, max_size=3)),
        incidents=draw(st.lists(incident, max_size=3)),
        complete=draw(st.booleans()),
        genuine=draw(st.booleans()),
    )


texts = st.sampled_from(["isinstance(m, nn.Conv2d)", "'conv' or 'fc' in name", "name == 'weight'", "(", "", "a or ''"])
tests = st.builds(
    TypeTest,
    lines,
    texts,
    st.sampled_from(["type", "name"]),
    st.lists(st.sampled_from(["Conv2d", "weight", "", "Linear"]), max_size=2).map(tuple),
    few,
    few,
    few,
    st.lists(st.sampled_from(["Conv1d", "fc.weight", "Linear"]), max_size=2).map(tuple),
    st.lists(st.sampled_from(TECHNIQUES), max_size=2).map(tuple),
)
methods = st.builds(
    Method, st.just("init"), st.sampled_from(["", "Net"]), lines, st.sampled_from([True, False, None]), few
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(st.lists(contexts(), max_size=3), st.lists(tests, max_size=2), st.lists(methods, max_size=2))
def test_any_model_has_an_answer(made: list[Context], asked: list[TypeTest], known: list[Method]) -> None:
    graph = model(*made, tests=asked, methods=known)
    assert not [sentence for sentence in check(graph) if "sweep" not in sentence]
    found = matches(graph)
    assert found == sorted(found, key=lambda match: (match.place, match.code))
    assert len({(match.place, match.code) for match in found}) == len(found)
    assert matches(graph) == found
    assert all(match.message and not match.message.endswith(".") for match in found)
    for match in found:
        assert matches(graph, frozenset({match.code}))
