"""What contexts have in common is kept once; which of them stand within others, and what rules let go of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelling import context, layer, model, weight, write

from initlint.contexts import Contexts
from initlint.graph import Context, Node
from initlint.interpret import repetition
from initlint.interpret.repetition import Facts
from initlint.survey import Survey


def net(std: float, slope: float | None = None) -> Context:
    """A new one each time, of equal facts where the arguments are."""
    event = write("normal", 7, std=std)
    node = Node("activation", (0,), "leaky_relu", parameter=slope)
    return context([layer(0, weight(event), line=3), layer(1, weight(event), line=4)], nodes=(Node("input"), node))


def test_equal_facts_are_kept_once_and_say_the_same() -> None:
    facts = Facts()
    first, second = facts.context(net(0.5, 0.1)), facts.context(net(0.5, 0.1))
    assert (repr(first), repr(second)) == (repr(net(0.5, 0.1)),) * 2
    assert first.layers[0].weights[0] is second.layers[0].weights[0]
    assert first.layers[0].weights[0].histories[0] is second.layers[1].weights[0].histories[0]
    assert first.nodes[1] is second.nodes[1]


@pytest.mark.parametrize("one, other", [(1, 1.0), (0.0, -0.0), (1, True)])
def test_numbers_that_are_told_differently_are_not_the_same(one: float, other: float) -> None:
    facts = Facts()
    facts.context(net(one, one))
    assert repr(facts.context(net(other, other))) == repr(net(other, other))


def test_where_arguments_stand_belongs_to_a_write() -> None:
    facts = Facts()
    event = write("normal", 7, std=1.0)
    there = replace(event, spans=(("std", layer(0).place),))
    assert facts.event(event) == facts.event(there)
    assert facts.event(there).spans == there.spans


def test_of_many_facts_only_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repetition, "MOST", 5)
    facts = Facts()
    for std in range(40):
        assert repr(facts.context(net(float(std)))) == repr(net(float(std)))
        assert len(facts.events) + len(facts.nodes) < 12


@given(st.lists(st.tuples(st.frozensets(st.integers(1, 5), max_size=5), st.booleans()), max_size=8))
def test_a_context_is_whole_where_no_other_one_has_all_of_it(made: list[tuple[frozenset[int], bool]]) -> None:
    contexts = Contexts(
        tuple(replace(context([layer(0, line=line) for line in lines]), built=built) for lines, built in made)
    )
    numbers = tuple(range(len(made)))[::2] + tuple(range(len(made)))[1::2]

    def within(inner: int, outer: int) -> bool:
        (a, a_built), (b, b_built) = made[inner], made[outer]
        return a < b or (a == b and a_built and not b_built)

    for asked in (numbers, numbers[1:], numbers[:3]):
        assert contexts.whole(asked) == [i for i in asked if not any(within(i, j) for j in asked if j != i)]


def test_instances_are_let_go_of_once_all_that_need_them_have_asked() -> None:
    survey = Survey(model(net(0.5)))
    weights = survey.instances("weight")
    survey.let_go("weight")
    assert survey.instances("weight") is weights  # calls are gathered from them
    calls = survey.instances("call")
    survey.let_go("call")
    assert survey.instances("weight") is weights  # and they are some of the tensors
    survey.let_go("tensor")
    assert survey.instances("weight") is not weights
    assert survey.instances("call") is not calls
    assert survey.instances("weight") == weights
