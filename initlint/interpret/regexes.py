"""Regular expressions on known strings, as code that decodes architecture strings uses them.

The real `re` does the work, so patterns that could take more than a moment are left alone.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.values import Frame, Instance, ListValue, Native, Symbol, Value

LONGEST_PATTERN: Final = 120
LONGEST_TEXT: Final = 400
NESTED: Final = re.compile(r"[+*}]\??\)\s*[+*{]|\([^)]*\|[^)]*\)\s*[+*{]")  # (a+)+, (a|b)*: may take for ever


def safe(pattern: Value, text: Value) -> re.Pattern[str] | None:
    """The compiled pattern, None where pattern or text is unknown, long, or could be slow."""
    if not isinstance(pattern, str) or not isinstance(text, str):
        return None
    if len(pattern) > LONGEST_PATTERN or len(text) > LONGEST_TEXT or NESTED.search(pattern):
        return None
    if pattern.count("+") + pattern.count("*") > 4:
        return None
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


def match_object(machine: Machine, match: re.Match[str] | None) -> Value:
    if match is None:
        return None
    made = Instance(Symbol.of("re.Match"), machine.next_serial())

    def group(args: Arguments, kwargs: Keywords) -> Value:
        keys = [a for a in args if isinstance(a, (int, str))] or [0]
        try:  # by index: what group() returns depends on how many it is given, which compiled code takes for a tuple
            return match[keys[0]] if len(keys) == 1 else tuple([match[key] for key in keys])
        except (IndexError, re.error):
            return Unknown("a group")

    made.cell["group"] = Native("group", group)
    made.cell["groups"] = Native("groups", lambda args, kwargs: match.groups())
    made.cell["start"] = Native("start", lambda args, kwargs: match.start())
    made.cell["end"] = Native("end", lambda args, kwargs: match.end())
    return made


def searching(word: str) -> Handler:
    def search(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        pattern = args[0] if args else kwargs.get("pattern")
        text = args[1] if len(args) > 1 else kwargs.get("string")
        compiled = safe(pattern, text)
        if compiled is None or not isinstance(text, str):
            return Unknown(f"re.{word}")
        if word == "split":
            return ListValue(tuple(compiled.split(text)))
        if word == "findall":
            return ListValue(tuple(compiled.findall(text)))
        return match_object(machine, getattr(compiled, word)(text))

    return search


def sub(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) < 3 or not isinstance(args[1], str) or not isinstance(args[2], str):
        return Unknown("re.sub")
    compiled = safe(args[0], args[2])
    try:
        return Unknown("re.sub") if compiled is None else compiled.sub(args[1], args[2])
    except (re.error, IndexError):
        return Unknown("re.sub that fails")


HANDLERS: Final[dict[str, Handler]] = {
    **{f"re.{word}": searching(word) for word in ("match", "search", "fullmatch", "split", "findall")},
    "re.sub": sub,
}
