"""Initializers of other packages that take a whole layer: fvcore's and mmengine's."""

from __future__ import annotations

import ast

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.torch_init import argument_spans, event_of, given_arguments
from initlint.interpret.torch_traversal import own_parameters
from initlint.interpret.values import Frame, Instance, Value
from initlint.knowledge import REQUIRED, InitializerSpec


def fill(
    machine: Machine, spec: InitializerSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A call of such a function: the layer's weight is filled as its arguments say, its bias with a constant."""
    words = dict(kwargs)
    target = args[0] if args else words.pop("module", Unknown("no layer"))
    own = given_arguments(spec, args[1:], words)
    if node not in machine.spans:
        machine.spans[node] = argument_spans(spec, own, node, frame)
    given: dict[str, Value] = {p.name: p.default for p in spec.parameters if p.default is not REQUIRED}
    given |= dict(spec.gives) | own
    bias = given.pop("bias", 0)
    name = spec.technique
    if "distribution" in given:
        drawn = given.pop("distribution")
        name = f"{name.rpartition('_')[0]}_{drawn}" if drawn in ("normal", "uniform") else "unknown"

    def write(layer: Value) -> Value:
        if not isinstance(layer, Instance):
            machine.escape(layer, spec.qualified)
            return None
        for key, param in own_parameters(layer):
            if key == "weight":
                machine.write(param, event_of(machine, name, given, node, frame, spec.qualified))
            elif key == "bias":
                machine.write(param, event_of(machine, "constant", {"val": bias}, node, frame, spec.qualified))
        return None

    machine.each(target, write)
    return None
