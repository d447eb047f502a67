"""Messages of rules: templates over a subject's fields, the first one chosen all of whose facts are known.

Besides the fields (`{keep:.2f}`) a template may say `{layers}`, the names of all layers that the finding is about, and
`{count}`, how many there are; `{s}` is the end of a verb that goes with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint.conditions import fields
from initlint.schema import Where, choice

if TYPE_CHECKING:
    from initlint.findings import Site

SHOWN: Final = 3  # names in a message; the rest is counted
GROUP: Final = frozenset({"layers", "count", "s"})


class Numbers(NamedTuple):
    """From the least to the largest, told as one where they look alike."""

    least: float
    most: float

    def __format__(self, spec: str) -> str:
        ends = dict.fromkeys(format(one, spec) for one in self)
        return " to ".join(ends)


class Template(NamedTuple):
    text: str
    names: tuple[str, ...]  # fields of the subject that it mentions

    def render(self, subject: object, sites: Sequence[Site], others: Sequence[object] = ()) -> str | None:
        """The message; None when a fact that it needs is unknown. Numbers that are others for the other subjects at the
        place are told as a range."""
        layers = [site.name for site in sites]
        verb = "" if len(set(layers)) > 1 else "s"
        values: dict[str, object] = {"layers": enumerated(layers), "count": len(sites), "s": verb}
        for name in self.names:
            value = getattr(subject, name)
            if value is None:
                return None
            found = [value, *(getattr(other, name) for other in others)] if isinstance(value, float) else []
            known = [one for one in found if isinstance(one, float)]
            values[name] = Numbers(min(known), max(known)) if known else value
        return self.text.format(**values)


def compile_messages(texts: Sequence[str], subject: type | None, where: Where) -> tuple[Template, ...]:
    """The templates of a rule. Raises KnowledgeError where one mentions what the subject does not have, or breaks the
    style of messages: lower case at the start unless it is a name, no full stop."""
    vocabulary = {**fields(subject), **dict.fromkeys(GROUP, "text")} if subject else {}
    templates = []
    for position, text in enumerate(texts):
        here = where / f"message[{position}]"
        names = []
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            here.fail(f"a template ({error})", text)
        for _, name, _, _ in parts:
            if name is not None:
                names.append(choice(name, vocabulary, here))
        if not text or text.endswith(".") or text[0].isupper():
            here.fail("a message in lower case without a full stop", text)
        templates.append(Template(text, tuple(name for name in names if name not in GROUP)))
    if not templates:
        where.fail("at least one message", "none")
    return tuple(templates)


def enumerated(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 4 more`."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) > SHOWN + 1:
        distinct = [*distinct[:SHOWN], f"{len(distinct) - SHOWN} more"]
    return " and ".join([", ".join(distinct[:-1]), distinct[-1]] if len(distinct) > 1 else distinct)
