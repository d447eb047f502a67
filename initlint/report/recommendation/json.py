"""What the documents recommend, for programs: their tables, the rows asked for, or the layers with their rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from initlint.documents import as_data
from initlint.recommendations import Advice, LayerAdvice, Option
from initlint.report._lines import shown
from initlint.report.inspection.json import Json, row

VERSION = 1


def render(advice: Sequence[Advice], layers: Sequence[LayerAdvice], given: bool) -> str:
    """An object with the tables if nothing was `given`, else with `recommendations` and `layers`."""
    document: dict[str, object] = {"version": VERSION}
    if given:
        document["recommendations"] = [one_of(one) for one in advice]
        document["layers"] = [layer(one) for one in layers]
    else:
        document |= as_data()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def one_of(one: Advice) -> Json:
    row = one.row
    return {
        "row": row.row if row else None,
        "section": row.section if row else None,
        "says": row.says if row else None,
        "why": row.why if row else None,
        "note": row.note if row else "",
        "activation": one.activation.name if one.activation else None,
        "gain": one.activation.gain if one.activation else None,
        "options": [option(each) for each in one.options],
    }


def option(one: Option) -> Json:
    code: list[Json] = [{"framework": c.framework, "layer": c.scope, "text": c.text} for c in one.code]
    return {
        "technique": one.technique.key,
        "title": one.technique.title,
        "condition": one.condition,
        "reason": one.reason,
        "formula": one.formula,
        "std": one.std,
        "paper": one.technique.paper,
        "note": one.technique.note,
        "code": code,
    }


def layer(one: LayerAdvice) -> Json:
    found = row(one.layer)
    assert isinstance(found, dict)
    return {
        **found,
        "fits": one.fits,
        "no_row": shown(one.why) or None,
        "recommendations": [one_of(each) for each in one.advice],
    }
