"""Runs, positions and chains in the data flow of a context."""

from __future__ import annotations

from dataclasses import replace

import pytest
from modelling import context, layer, place, weight

from initlint.chains import Flow
from initlint.graph import ATTENTION, DATA, GATE, MERGE, OUTPUT, UNKNOWN, Activation, Edge, InitEvent, Model
from initlint.rules import matches
from initlint.strengths import rectified

RELU = Activation("relu")


def flow(*edges: Edge, layers: int = 4) -> Flow:
    return Flow(context([layer(i) for i in range(layers)], edges))


def straight(*path: str, count: int = 4) -> list[Edge]:
    edges = [Edge(i, i + 1, RELU, path) for i in range(count - 1)]
    return [Edge(DATA, 0, None), *edges, Edge(count - 1, OUTPUT, None)]


def test_a_run_counts_members_before_rectifiers() -> None:
    one = flow(*straight())
    assert one.runs({0, 1, 2, 3}, rectified) == {0: (0, 1, 2), 1: (0, 1, 2), 2: (0, 1, 2)}
    assert one.runs({0, 1, 3}, rectified) == {0: (0, 1), 1: (0, 1)}
    assert one.runs({0, 2}, rectified) == {0: (0,), 2: (2,)}
    assert one.runs({3}, rectified) == {}


@pytest.mark.parametrize("stop", ["norm", "add", "mul"])
def test_norms_and_joins_end_a_run(stop: str) -> None:
    assert flow(*straight(stop)).runs({0, 1, 2}, rectified) == {}


def test_pools_and_dropout_do_not() -> None:
    assert flow(*straight("dropout", "activation", "pool")).runs({0, 1, 2}, rectified) == dict.fromkeys(
        range(3), (0, 1, 2)
    )


def test_the_longest_way_counts() -> None:
    """0 -> 1 -> 2 -> 3 and 0 -> 3."""
    edges = [Edge(0, 1, RELU), Edge(1, 2, RELU), Edge(2, 3, RELU), Edge(0, 3, RELU), Edge(3, OUTPUT, RELU)]
    assert flow(*edges).runs({0, 1, 2, 3}, rectified) == dict.fromkeys(range(4), (0, 1, 2, 3))


def test_a_layer_used_again_is_no_run() -> None:
    assert flow(Edge(0, 0, RELU), Edge(0, OUTPUT, None)).runs({0}, rectified) == {0: (0,)}
    looped = flow(Edge(0, 1, RELU), Edge(1, 0, RELU), Edge(1, OUTPUT, RELU)).runs({0, 1}, rectified)
    assert looped == {0: (0,), 1: (1,)}


def test_a_thousand_layers_do_not_exhaust_the_stack() -> None:
    edges = straight(count=3000)
    assert flow(*edges, layers=3000).runs(range(3000), rectified)[1500] == tuple(range(2999))


@pytest.mark.parametrize(
    "edges, position",
    [
        ([Edge(DATA, 0, None), Edge(0, OUTPUT, None)], "alone"),
        ([Edge(1, 0, None), Edge(0, OUTPUT, None)], "head"),
        ([Edge(0, OUTPUT, None)], "head"),
        ([Edge(0, 1, RELU), Edge(1, OUTPUT, None)], "hidden"),
        ([Edge(0, 1, RELU), Edge(0, OUTPUT, None)], "hidden"),
        ([Edge(0, MERGE, None)], "branch"),
        ([Edge(0, GATE, RELU), Edge(0, 1, None)], "branch"),
        ([Edge(0, ATTENTION, None)], "branch"),
        ([Edge(0, 1, None, ("add",)), Edge(1, OUTPUT, None)], "branch"),
        ([Edge(0, 1, RELU, ("activation", "cat")), Edge(1, OUTPUT, None)], "branch"),
        ([Edge(0, 1, None), Edge(1, MERGE, None)], "branch"),
        ([Edge(0, 1, RELU), Edge(1, MERGE, None)], "hidden"),
        ([Edge(0, 1, None), Edge(1, OUTPUT, None)], "hidden"),
        ([Edge(0, 1, None), Edge(0, UNKNOWN, None)], None),
        ([Edge(DATA, 0, None)], None),
        ([], None),
    ],
)
def test_positions(edges: list[Edge], position: str | None) -> None:
    assert flow(*edges).position(0) == position


def test_a_cycle_of_linear_maps_has_a_position() -> None:
    assert flow(Edge(0, 1, None), Edge(1, 0, None)).position(0) == "hidden"


def test_a_chain_prefers_layers_and_ends_at_the_output() -> None:
    one = flow(Edge(0, OUTPUT, None), Edge(0, 1, RELU), Edge(1, 2, RELU), Edge(2, OUTPUT, None))
    assert [edge.target for edge in one.chain(0, 3)] == [1, 2, OUTPUT]
    assert [edge.target for edge in one.chain(0, 1)] == [1]
    assert [edge.target for edge in flow(Edge(0, 1, RELU), Edge(1, 0, RELU)).chain(0, 5)] == [1]


def test_layers_of_a_sampled_loop_count_as_often_as_they_stand_for_others() -> None:
    """0 -> 1 (17 times) -> 2 -> 3, and 0 -> 4 -> 5 -> 3 beside it, which is longer only without the copies."""
    layers = [replace(layer(i), copies=17 if i == 1 else 1, place=place(50 if i in (1, 2) else i)) for i in range(6)]
    ways = [(0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 3)]
    edges = [*(Edge(a, b, RELU) for a, b in ways), Edge(3, OUTPUT, RELU)]
    rows = Flow(context(layers, edges)).runs(range(6), rectified)
    assert rows[0] == rows[2] == (0, *[1] * 17, 2, 3)
    assert len(rows[4]) == 4


def test_copies_count_only_between_two_turns_of_their_loop() -> None:
    """A norm ends the run within each turn, so that the turns left out are no part of it."""
    layers = [replace(layer(i), copies=17 if i == 0 else 1) for i in range(2)]
    edges = [Edge(0, 1, RELU), Edge(1, OUTPUT, RELU)]
    assert Flow(context(layers, edges)).runs(range(2), rectified)[0] == (0, 1)


def test_what_a_run_keeps_counts_the_copies() -> None:
    """Three layers in the code stand for 19 in the model: half of the variance each."""
    rectified_by = Activation("relu")
    kernel = [weight(InitEvent("xavier_normal", (), place(9), explicit=True)) for _ in range(3)]
    layers = [replace(layer(i, kernel[i]), copies=17 if i == 1 else 1, place=place(50)) for i in range(3)]
    edges = [Edge(DATA, 0, None), *(Edge(i, i + 1, rectified_by) for i in range(2)), Edge(2, OUTPUT, rectified_by)]
    (found,) = matches(Model((context(layers, edges),)), frozenset({"INI201"}))
    assert "over 19 layers" in found.message
