"""What was understood, as JSON: a list with one object for each row."""

from __future__ import annotations

import json
import math
from typing import TypeAlias

from initlint.inspection import Init, Inspection, Row
from initlint.report._lines import shown
from initlint.source import Place

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def render(inspection: Inspection) -> str:
    rows = [json.dumps(row(one), ensure_ascii=False, allow_nan=False) for one in inspection.rows]
    return "[\n" + ",\n".join(f"  {text}" for text in rows) + "\n]\n" if rows else "[]\n"


def row(one: Row) -> Json:
    found: dict[str, Json] = {
        "file": shown(one.place.file),
        "line": one.place.span.start.line,
        "column": one.place.span.start.column,
        "layer": shown(one.layer),
        "name": shown(one.name),
        "init": init(one.init),
        "activations": None if one.activations is None else list(one.activations),
        "norm_between": one.norm_between,
        "fan_in": one.fan_in,
        "fan_out": one.fan_out,
        "unknown": [shown(why) for why in one.unknown],
    }
    if one.is_recurrent:
        found["recurrent_init"] = init(one.recurrent)
    if one.composed:
        found["custom"] = [{"formula": shown(c.text), "gain": round(c.gain, 4), "kind": c.kind} for c in one.composed]
    if one.site is not None:
        found["site"] = line(one.site)
    if one.place.cell is not None:
        found["cell"] = one.place.cell
    return found


def line(place: Place) -> Json:
    found: dict[str, Json] = {"file": shown(place.file), "line": place.span.start.line}
    return found if place.cell is None else {**found, "cell": place.cell}


def init(one: Init | None) -> Json:
    if one is None:
        return None
    at = None if one.at is None else line(one.at)
    args: dict[str, Json] = {name: fit(value) for name, value in one.args}
    found: dict[str, Json] = {"name": one.name, "args": args, "explicit": one.explicit, "at": at}
    return found if one.factor == 1 else {**found, "factor": fit(one.factor)}


def fit(value: float | str | bool | None) -> Json:
    """JSON has no infinity and no NaN; they are told as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return shown(value) if isinstance(value, str) else value
