"""Reading text: encodings, line endings, columns, suppression comments."""

from __future__ import annotations

import ast
import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initlint.source import (
    MAX_BYTES,
    Point,
    Source,
    Span,
    Trouble,
    decode,
    mentions_framework,
    read_source,
    silenced,
)


def readable(data: bytes) -> Source:
    source = decode(data, "m.py")
    assert isinstance(source, Source)
    return source


def refused(data: bytes) -> Trouble:
    source = decode(data, "m.py")
    trouble = source.tree() if isinstance(source, Source) else source
    assert isinstance(trouble, Trouble)
    return trouble


@pytest.mark.parametrize(
    "declaration, encoding, text",
    [
        ("", "utf-8", "x = 'ü 日本 🎉'"),
        ("# -*- coding: latin-1 -*-\n", "latin-1", "x = 'ü'"),
        ("#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\n", "cp1252", "x = '€'"),
        ("# coding=shift_jis\n", "shift_jis", "x = '日本'"),
        ("# coding: utf-8-unix\n", "utf-8", "x = 'ü'"),
    ],
)
def test_text_is_decoded_as_python_decodes_it(declaration: str, encoding: str, text: str) -> None:
    data = (declaration + text).encode(encoding)
    assert readable(data).text == declaration + text
    tree = readable(data).tree()
    assert isinstance(tree, ast.Module)
    assert ast.dump(tree) == ast.dump(ast.parse(data))


def test_a_declaration_after_code_does_not_count() -> None:
    assert readable(b"x = 1\n# coding: latin-1\n").encoding == "utf-8"
    assert readable(b"'''\n# coding: latin-1\n'''").encoding == "utf-8"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    source = readable(codecs.BOM_UTF8 + "x = 'ü'\n".encode())
    assert source.bom
    assert source.text == "x = 'ü'\n"
    assert isinstance(source.tree(), ast.Module)


@pytest.mark.parametrize(
    "data, line, words",
    [
        (b"import torch\nx = '\xff'\n", 2, "byte 0xff is not utf-8"),
        (b"import torch\r\n\r\nx = '\xff'\r\n", 3, "byte 0xff"),
        (b"# coding: nonsense\n", 1, "encoding nonsense is unknown"),
        (b"# coding: rot13\n", 1, "rot13"),
        (b"# coding: punycode\n", 1, "not supported"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", 1, "byte-order mark"),
        ("import torch\n".encode("utf-16"), 1, "UTF-16"),
        (b"#" * (MAX_BYTES + 1), 1, "larger than 2 MB"),
        (b"x = 1\ny = 'a\0b'\n", 2, "NUL"),
        (b"x = 1\ny = (\n", 2, "never closed"),
        (b"x = 1\n  y = 2\n", 2, "unexpected indent"),
        (b"x = 1\nprint 'torch'\n", 2, "Missing parentheses"),
        (b"x = " + b"9" * 5000, 1, "digits"),
        (b"x = " + b"-" * 100_000 + b"1", 1, "nested too deeply"),
        (b"x = " + b"1+" * 200_000 + b"1", 1, "nested too deeply"),
        (b"(" * 10_000 + b")" * 10_000, 1, "too many nested parentheses"),
    ],
)
def test_what_cannot_be_read_says_where_and_why_in_one_line(data: bytes, line: int, words: str) -> None:
    trouble = refused(data)
    assert (trouble.file, trouble.line) == ("m.py", line)
    assert words in trouble.message
    assert "\n" not in trouble.message
    assert len(trouble.message) < 300


def test_an_invalid_escape_leaks_no_warning() -> None:
    # pytest's configuration makes an error of any warning
    assert isinstance(Source.of("m.py", "x = '\\d' is 1; assert (x, 'y')").tree(), ast.Module)


def test_lone_surrogates_are_unreadable_not_a_crash() -> None:
    assert isinstance(Source.of("m.py", "x = '\ud800'").tree(), Trouble)


@pytest.mark.parametrize(
    "text, newline",
    [
        ("a\nb\n", "\n"),
        ("a\r\nb\r\n", "\r\n"),
        ("a\rb\r", "\r"),
        ("a\r\nb\n", "mixed"),
        ("a\r\nb\r", "mixed"),
        ("", "\n"),
    ],
)
def test_line_endings_are_remembered_and_normalised(text: str, newline: str) -> None:
    source = Source.of("m.py", text)
    assert source.newline == newline
    assert "\r" not in source.text
    assert source.lines == (["a", "b", ""] if text else [""])


def test_the_tree_is_parsed_once_and_can_be_forgotten() -> None:
    source = Source.of("m.py", "x = 1")
    tree = source.tree()
    assert source.tree() is tree
    source.forget()
    assert source.tree() is not tree
    broken = Source.of("m.py", "x =")
    trouble = broken.tree()
    broken.forget()
    assert broken.tree() is trouble


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8), max_size=6))
def test_spans_hold_exactly_the_text_of_their_nodes(strings: list[str]) -> None:
    """Whatever stands before a name on its line, its span cuts it out in code points."""
    text = "\f\n" + "; ".join(f"{string!r}, name_{i}" for i, string in enumerate(strings)) + "\x0c# \x85 \u2028"
    source = Source.of("m.py", text)
    tree = source.tree()
    assert isinstance(tree, ast.Module)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    assert len(names) == len(strings)
    for node in names:
        span = source.span(node)
        assert source.lines[span.start.line - 1][span.start.column - 1 : span.end.column - 1] == node.id


@given(st.text(max_size=20), st.integers(0, 20))
def test_utf16_columns_count_code_units(text: str, column: int) -> None:
    line = text.replace("\n", "").replace("\r", "")
    column = min(column, len(line))
    source = Source.of("m.py", f"\n{line}\n")
    assert source.utf16(Point(2, column + 1)) == (1, sum(1 + (ord(c) > 0xFFFF) for c in line[:column]))


@pytest.mark.parametrize(
    "comment, codes",
    [
        ("# initlint: ignore[INI201] the head is linear", ("INI201",)),
        ("# initlint: ignore[INI201, ini3]", ("INI201", "INI3")),
        ("# initlint:ignore", ("",)),
        ("# initlint: ignore[]", ()),
        ("# noqa", ("",)),
        ("# NOQA: INI201", ("INI201",)),
        ("# noqa:INI201,INI202 INI203 because", ("INI201", "INI202", "INI203")),
        ("# noqa: E501", ("E501",)),
        ("# type: ignore # noqa: INI1", ("INI1",)),
        ("# noqa: because", ()),
        ("# noqax", ()),
        ("# the initlint: ignored", ()),
    ],
)
def test_comments_silence_the_codes_they_name(comment: str, codes: tuple[str, ...]) -> None:
    assert silenced(comment) == codes


def lines(first: int, last: int) -> Span:
    return Span(Point(first, 1), Point(last, 2))


def test_a_comment_covers_what_starts_or_ends_on_its_line() -> None:
    source = Source.of(
        "m.py", "call(\n    argument,\n)  # noqa: INI201\nx = '# noqa'\ny = 1  # initlint: ignore[INI6]\n"
    )
    assert source.silences("INI201", lines(1, 3))
    assert source.silences("INI201", lines(3, 3))
    assert not source.silences("INI201", lines(2, 2))
    assert not source.silences("INI202", lines(1, 3))
    assert not source.silences("INI201", lines(4, 4)), "a string is no comment"
    assert source.silences("INI601", lines(5, 5))
    assert not source.silences("INI201", lines(9, 9)), "no such line"


def test_skip_file_is_a_comment_of_its_own() -> None:
    assert Source.of("m.py", "'''doc'''\n# initlint: skip-file\n").skipped
    assert not Source.of("m.py", "x = '# initlint: skip-file'\n").skipped
    assert not Source.of("m.py", "# see `# initlint: skip-file`\n").skipped


def test_comments_before_what_does_not_tokenize_count() -> None:
    assert Source.of("m.py", "x = 1  # noqa\ny = '''").silences("INI201", lines(1, 1))


def test_mentions_are_found_before_decoding() -> None:
    assert mentions_framework(b"from torch import nn")
    assert mentions_framework(b"import keras")
    assert mentions_framework("import torch".encode("utf-16"))
    assert mentions_framework("import torch".encode("utf-16-be"))
    assert not mentions_framework(b"import numpy")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    trouble = read_source(str(pipe))
    assert isinstance(trouble, Trouble)
    assert "not a regular file" in trouble.message
    trouble = read_source("nul\0.py")
    assert isinstance(trouble, Trouble)
    with pytest.raises(FileNotFoundError):
        read_source(str(tmp_path / "none.py"))
