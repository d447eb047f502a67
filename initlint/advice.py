"""What the source documents advise: techniques, and rows on activations, networks, use cases; with our notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from initlint import schema, tables
from initlint.schema import Row, Where

SECTIONS: Final = ("activations", "architectures", "usecases", "tips")


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A row of the documents' table of techniques, in their words."""

    row: str
    formula: str
    when: str
    why: str


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A row of the documents' summary table, in their words."""

    row: str
    vibe: str
    used: str


@dataclass(frozen=True, slots=True)
class Technique:
    """A way to initialize weights."""

    key: str  # zero, random, xavier, he, lecun, orthogonal, sparse, ...
    title: str
    family: str
    names: tuple[str, ...]  # its canonical initializers
    formula: str
    paper: str
    document: DocumentRow | None  # None where the documents do not mention it
    summary: SummaryRow | None
    analogy: str  # the documents' picture of it
    story: str  # what the documents' analogy concludes
    note: str  # our correction or addition
    aliases: tuple[str, ...]
    fan_based: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the techniques that a row recommends, with the condition under which it is the answer."""

    technique: str  # key of a Technique
    condition: str  # "" where it always holds
    reason: str
    kinds: tuple[str, ...]  # kinds of activations that fulfil the condition; () where it is about something else


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A row of the documents on an activation, a network type or a use case."""

    row: str  # its first cell, in the documents' words
    section: str
    says: str  # its recommendation, in the documents' words
    why: str  # its reason, in the documents' words; "" where it gives none
    answers: tuple[Answer, ...]
    note: str  # our correction or addition
    aliases: tuple[str, ...]  # other words for it
    call: str = ""  # the beginning of Keras's layer that it is about; "" where that is any


def technique(key: str, row: Row) -> Technique:
    """The technique that a (checked) row of techniques.toml describes."""
    document, summary = row.get("document"), row.get("summary")
    return Technique(
        key=key,
        title=row["title"],
        family=row["family"],
        names=tuple(row["names"].split()),
        formula=row["formula"],
        paper=row.get("paper", ""),
        document=DocumentRow(**document) if document else None,
        summary=SummaryRow(**summary) if summary else None,
        analogy=row.get("analogy", ""),
        story=row.get("story", ""),
        note=row.get("note", ""),
        aliases=tuple(schema.split(row.get("aliases", ""))),
        fan_based=row.get("fans", False),
    )


@cache
def recommendations(root: str) -> Mapping[str, Mapping[str, Recommendation]]:
    """The rows of usecases.toml by section (one of SECTIONS) and row. Raises KnowledgeError where it is malformed."""
    file = schema.read(root, "usecases.toml")
    techniques = schema.table(schema.read(root, "techniques.toml").get("techniques"), Where("rules/techniques.toml"))
    top = Where("rules/usecases.toml")
    schema.keys(file, dict.fromkeys(SECTIONS, list), {"document": str}, top)
    return {
        section: {
            row["row"]: _recommendation(row, techniques, top / f"{section}[{i}]")
            for i, row in enumerate(schema.rows(file[section], top / section))
        }
        for section in SECTIONS
    }


def _recommendation(row: Row, techniques: Mapping[str, Any], where: Where) -> Recommendation:
    required = {"row": str, "section": str, "says": str, "answers": list}
    schema.keys(row, required, {"why": str, "note": str, "aliases": str, "call": str}, where)
    answers = []
    for i, answer in enumerate(schema.rows(row["answers"], where / "answers")):
        here = where / f"answers[{i}]"
        schema.keys(answer, {"technique": str, "reason": str}, {"condition": str, "kinds": list}, here)
        schema.choice(answer["technique"], techniques, here / "technique")
        kinds = tuple(schema.choice(str(kind), tables.KINDS, here / "kinds") for kind in answer.get("kinds", ()))
        answers.append(Answer(answer["technique"], answer.get("condition", ""), answer["reason"], kinds))
    return Recommendation(
        row["row"],
        row["section"],
        row["says"],
        row.get("why", ""),
        tuple(answers),
        row.get("note", ""),
        tuple(schema.split(row.get("aliases", ""))),
        row.get("call", ""),
    )
