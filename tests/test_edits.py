"""Edits: the smallest that make one text of another, applied to what the file really has, moved points found again."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from initlint.edits import apply, differences, edits_of, moved, overlap, splice, valid
from initlint.findings import Fix, TextEdit
from initlint.source import Point, Source, Span

LINES = st.lists(st.text("abx_ (),#é🔥\t", max_size=8), max_size=8)
TEXTS = LINES.map("\n".join)


def at(line: int, column: int, end_line: int = 0, end_column: int = 0) -> Span:
    return Span(Point(line, column), Point(end_line or line, end_column or column))


def fix(*edits: TextEdit, title: str = "fix") -> Fix:
    return Fix(title, safe=True, edits=edits)


@given(TEXTS, TEXTS)
def test_the_differences_turn_one_text_into_the_other(old: str, new: str) -> None:
    edits = differences(old, new, Point(1, 1))
    assert splice(old, edits) == new
    assert bool(edits) == (old != new)


@given(TEXTS, TEXTS, TEXTS)
def test_differences_are_about_the_place_where_the_text_stands(head: str, old: str, new: str) -> None:
    before = f"{head}\n"
    edits = differences(old, new, Point(before.count("\n") + 1, 1))
    assert splice(before + old, edits) == before + new


@given(LINES, LINES, st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_ends_stay_as_they_are(old: list[str], new: list[str], end: str) -> None:
    edits = differences("\n".join(old), "\n".join(new), Point(1, 1))
    if len(old) > 1:
        assert splice(end.join(old), edits) == end.join(new)


def test_in_a_mixed_file_new_lines_end_as_the_one_they_start_in() -> None:
    edit = TextEdit(at(2, 2), "1\n2")
    assert splice("a\r\nb\nc\r", [edit]) == "a\r\nb1\n2\nc\r"
    assert splice("a\r\nb\r\nc\r", [edit]) == "a\r\nb1\r\n2\r\nc\r"


def test_a_difference_is_in_whole_words() -> None:
    old, new = "nn.init.xavier_uniform_(w)", "nn.init.kaiming_normal_(w)"
    (edit,) = differences(old, new, Point(1, 1))
    assert edit == TextEdit(at(1, 9, 1, 24), "kaiming_normal_")
    wrapped = differences("a\nb\n", "if x:\n    a\nb\n", Point(3, 1))
    assert wrapped == (TextEdit(at(3, 1), "if x:\n    "),)


@given(TEXTS, TEXTS, st.integers(0, 40))
def test_a_point_outside_of_the_edits_moves_with_its_text(old: str, new: str, index: int) -> None:
    edits = differences(old, new, Point(1, 1))
    index = min(index, len(old))
    mark = "\N{WHITE STAR}"
    before = Point(old[:index].count("\n") + 1, index - (old[:index].rfind("\n") + 1) + 1)
    if any(edit.span.start <= before <= edit.span.end for edit in edits):
        return
    text = splice(old, [*edits, TextEdit(Span(before, before), mark)])
    where = text.index(mark)
    assert moved(before, edits) == Point(text[:where].count("\n") + 1, where - (text[:where].rfind("\n") + 1) + 1)


def test_of_two_fixes_that_overlap_the_second_waits() -> None:
    one, two = fix(TextEdit(at(1, 1, 1, 4), "x"), title="one"), fix(TextEdit(at(1, 3, 1, 6), "y"), title="two")
    done = apply("abcdef\n", [two, one])
    assert (done.text, done.taken, done.waiting) == ("xdef\n", (one,), (two,))


def test_two_insertions_at_one_point_do_not_mix_and_an_equal_one_is_shared() -> None:
    imported = TextEdit(at(1, 1), "import torch\n")
    one, two = fix(imported, TextEdit(at(2, 1, 2, 2), "B")), fix(imported, TextEdit(at(3, 1, 3, 2), "C"))
    assert apply("a\nb\nc\n", [one, two]).text == "import torch\na\nB\nC\n"
    other = fix(TextEdit(at(1, 1), "import keras\n"))
    assert apply("a\nb\nc\n", [one, other]).waiting == (one,) or apply("a\nb\nc\n", [one, other]).waiting == (other,)


def test_removals_that_leave_a_block_empty_are_not_made_together() -> None:
    text = "if x:\n    a()\n    b()\n"
    one, two = fix(TextEdit(at(2, 1, 3, 1), "")), fix(TextEdit(at(3, 1, 4, 1), ""))
    done = apply(text, [one, two])
    assert done.text == "if x:\n    b()\n"
    assert (done.taken, done.waiting) == ((one,), (two,))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(0, 3), st.text("xy\n", max_size=3))))
def test_what_is_applied_never_overlaps(raw: list[tuple[int, int, int, str]]) -> None:
    text = "abcde\nfghij\nklmno\npqrst\n"
    fixes = [fix(TextEdit(at(l, c, l, min(c + n, 6)), new), title=str(i)) for i, (l, c, n, new) in enumerate(raw)]
    done = apply(text, fixes)
    edits = list(edits_of(done.taken))
    assert not [(a, b) for a in edits for b in edits if a != b and overlap(a.span, b.span)]
    assert splice(text, edits) == done.text
    assert {*done.taken, *done.waiting} == {one for one in fixes if one.edits}


def test_valid_asks_the_parser() -> None:
    assert valid("x = 1\n")
    assert not valid("if x:\n")
    assert isinstance(Source.of("x.py", "x\n").tree(), ast.Module)
