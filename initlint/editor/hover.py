"""What is understood of the layers at a place: fans, initializer, standard deviation, what they feed."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Iterable, Iterator

from initlint import inspection, signals, strengths
from initlint.chains import Flow
from initlint.editor.readings import Reading, Shift
from initlint.findings import Signal
from initlint.graph import Layer, Weight
from initlint.inspection import LAYER_ROLES, Row
from initlint.report._lines import counted, shown
from initlint.report.inspection.text import fan, feeds, initializer
from initlint.source import Place, Point, Source, Span
from initlint.strands import strand_of

MAX_ROWS = 6


def hover(reading: Reading, point: Point, *, markdown: bool = True) -> tuple[str, Span | None] | None:
    """What to show at a point, and the span that it is about (None while the text can't be parsed)."""
    good = reading.last or reading
    if reading.last is not None:
        back = Shift.between(reading.source.lines, good.source.lines)
        point = Point(back.line(point.line), point.column)
    rows = [row for model in good.models for row in inspection.rows(model, model.files) if not row.inside]
    found = used(rows, good.source, point) or at(rows, good.source.path, point)
    if found is None:
        return None
    told, span = found
    paragraphs = [described(row, good, markdown=markdown) for row in told[:MAX_ROWS]]
    if len(told) > MAX_ROWS:
        paragraphs.append(f"and {len(told) - MAX_ROWS} more")
    return "\n\n".join(paragraphs), span if reading.is_current else None


def described(row: Row, reading: Reading, *, markdown: bool) -> str:
    """One layer: its name and fans, its initializer with its standard deviation, what it feeds."""
    strong, code, plain = (bold, monospaced, escaped) if markdown else (shown, shown, shown)
    kind = code(row.layer) if markdown else f"({code(row.layer)})"
    fans = f", fan_in {fan(row.fan_in)}, fan_out {fan(row.fan_out)}"
    lines = [f"{strong(row.name)} {kind}{'' if row.fan_in is row.fan_out is None else fans}", ""]
    lines.append(f"- initializer: {code(initializer(row.init, row))}{std(row, reading, LAYER_ROLES)}")
    if row.is_recurrent:
        lines.append(f"- recurrent: {code(initializer(row.recurrent, row))}{std(row, reading, ('recurrent',))}")
    lines.append(f"- feeds: {plain(feeds(row).removeprefix('-> '))}")
    signal = signal_through(row, reading)
    if signal is not None:
        lines.append(
            f"- signal: {signal.forward_std:.3g} forward, {signal.backward_std:.3g} backward, over a run of "
            f"{counted(signal.depth, 'layer')}"
        )
    lines += [f"- unknown: {plain(why)}" for why in row.unknown]
    return "\n".join(lines)


def std(row: Row, reading: Reading, roles: Collection[str]) -> str:
    """`, std 0.05`: the standard deviation of an entry, or the range of it over the layer's uses."""
    found = set()
    for weight in weights(row, reading, roles):
        for event in weight.effective():
            law = None if event is None else strengths.law(weight, event)
            value = None if law is None else law.std(*strengths.fans(weight))
            if value is None:
                return ""
            found.add(value)
    if not found:
        return ""
    low, high = min(found), max(found)
    return f", std {low:.3g}" if math.isclose(low, high, rel_tol=0.01) else f", std {low:.3g} to {high:.3g}"


def signal_through(row: Row, reading: Reading) -> Signal | None:
    """What becomes of the signal, and of its gradient, in the run of layers that this one is in: the longest of its
    uses. None where the run is not known, or it is alone in it."""
    runs = [
        strand_of(Flow(context), layer.index)
        for model in reading.models
        for context in model.contexts
        for layer in context.layers
        if is_about(row, layer)
    ]
    longest = max(runs, key=lambda run: run.depth, default=None)
    if longest is None or longest.depth < 2:
        return None
    return signals.exact(longest) or signals.measured(longest)


def is_about(row: Row, layer: Layer) -> bool:
    """Whether a layer of a model is one of those that a row tells of."""
    return layer.kind == row.layer and row.place in (layer.place, layer.owner)


def weights(row: Row, reading: Reading, roles: Collection[str]) -> Iterator[Weight]:
    """The weights that a row is about: those of its layers that end as it says."""
    for model in reading.models:
        for context in model.contexts:
            for layer in context.layers:
                if is_about(row, layer):
                    yield from (w for w in layer.weights if w.role in roles)


def used(rows: Iterable[Row], source: Source, point: Point) -> tuple[list[Row], Span] | None:
    """The rows of the layer that `self.name` is at a point, in the class around it."""
    tree = source.tree()
    if not isinstance(tree, ast.Module):
        return None
    found = None
    for cls in ast.walk(tree):
        if isinstance(cls, ast.ClassDef) and cls.lineno <= point.line <= (cls.end_lineno or 0):
            for node in ast.walk(cls):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                    span = source.span(node)
                    if span.start <= point <= span.end:
                        name = f"{cls.name}.{node.attr}"
                        found = ([r for r in rows if r.name == name and r.place.file == source.path], span)
    return found if found and found[0] else None


def at(rows: Iterable[Row], file: str, point: Point) -> tuple[list[Row], Span] | None:
    """The rows of the innermost call around a point that makes layers or initializes them."""
    places: dict[Place, list[Row]] = {}
    for row in rows:
        inits = (init.at for init in (row.init, row.recurrent) if init is not None and init.at is not None)
        for place in dict.fromkeys((row.place, *inits)):
            if place.file == file and place.span.start <= point <= place.span.end:
                places.setdefault(place, []).append(row)
    if not places:
        return None
    innermost = max(places, key=lambda place: (place.span.start, Point(-place.span.end.line, -place.span.end.column)))
    return places[innermost], innermost.span


def escaped(text: str) -> str:
    """Text of the linted program so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", shown(text))


def bold(text: str) -> str:
    return f"**{escaped(text)}**"


def monospaced(text: str) -> str:
    """Text as code, where the text's own backticks can't end it."""
    return "`" + shown(text).replace("`", "'") + "`"
