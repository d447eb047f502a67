"""Initializers of Keras: objects, strings, classes and configurations, and the writes that they come to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from initlint.graph import InitEvent, Unknown
from initlint.interpret.initializer_names import check_keras
from initlint.interpret.keras_checks import argument_at, check_arguments, check_rank
from initlint.interpret.keras_values import Configuration, Initializer, bind
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine, function_name
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_init import scalar
from initlint.interpret.values import (
    Alternatives,
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    Native,
    Partial,
    Symbol,
    Value,
)
from initlint.knowledge import InitializerSpec, canonical
from initlint.source import Place

NAMESPACE: Final = "keras.initializers"
SPANS: Final = "<spans>"  # key of an initializer's cell: where its arguments stand
NOT_A_LAW: Final = frozenset({"seed", "input_axes", "output_axes"})
FIXED: Final = frozenset({"zeros", "ones", "constant", "identity"})  # the same values whoever makes them
SEEDED: Final = "keras.random.SeedGenerator"
METHODS: Final = frozenset({"__init__", "__call__", "get_config", "from_config", "clone"})


def construct(
    machine: Machine, spec: InitializerSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Initializer:
    """`keras.initializers.HeNormal(...)`."""
    made = Initializer(Symbol.of(spec.qualified), machine.next_serial())
    made.place = frame.unit.place(node)
    fill(machine, made, spec, args, kwargs, node, frame)
    return made


def fill(
    machine: Machine,
    made: Initializer,
    spec: InitializerSpec,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> None:
    """What its __init__ does: the arguments become attributes."""
    arguments, given = bind(spec.parameters, {}, args, kwargs)
    check_arguments(machine, spec, {name: arguments[name] for name in given}, node, frame)
    for name, value in arguments.items():
        machine.heap.write(made.cell, name, value)
    machine.heap.write(
        made.cell, SPANS, tuple((name, frame.unit.place(part)) for name, part in written(spec, given, node, len(args)))
    )


def written(spec: InitializerSpec, given: set[str], node: ast.AST, unnamed: int) -> Iterator[tuple[str, ast.AST]]:
    """Where the arguments stand that the code gives, by our names; the first of them without one."""
    order = [p.spelled or p.name for p in spec.parameters][:unnamed]
    for parameter in spec.parameters:
        part = argument_at(node, parameter.spelled or parameter.name, order)
        if (parameter.spelled or parameter.name) in given and part is not node:
            yield parameter.name, part


def spec_of(machine: Machine, value: Value) -> InitializerSpec | None:
    """What the tables say of an initializer's class."""
    tables = machine.knowledge.initializers
    if isinstance(value, Instance):
        value = value.cls
    names = value.symbols() if isinstance(value, Class) else [value.qualified] if isinstance(value, Symbol) else []
    return next((tables[name] for name in names if name in tables), None)


# -- initializers.get ---------------------------------------------------------------------


def get(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`initializers.get(identifier)`: an object for a string, a class or a configuration."""
    value = args[0] if args else kwargs.get("identifier", kwargs.get("config"))
    given = node.args[0] if isinstance(node, ast.Call) and node.args and args else node
    where = given if isinstance(value, str) and not isinstance(given, ast.Starred) else node
    return resolve(machine, value, where, frame)


def resolve(machine: Machine, value: Value, node: ast.AST, frame: Frame) -> Value:
    """The initializer that an argument means; what is none or not known stays as it is."""
    if isinstance(value, Alternatives):
        return machine.each(value, lambda option: resolve(machine, option, node, frame))
    if isinstance(value, str):
        return named(machine, value, {}, node, frame)
    if isinstance(value, DictValue):
        name, config = value.cell.get("class_name"), value.cell.get("config")
        if not isinstance(name, str) or value.open:
            return Unknown("an initializer's configuration that is not known")
        given = {str(k): v for k, v in config.cell.items()} if isinstance(config, DictValue) else {}
        return named(machine, name, given, node, frame)
    if isinstance(value, Symbol) and value.qualified in machine.knowledge.initializers:
        return construct(machine, machine.knowledge.initializers[value.qualified], [], {}, node, frame)
    if isinstance(value, Class) and value.framework == "initializer":
        return machine.call(value, [], {}, node, frame)
    return value


def named(machine: Machine, name: str, config: Keywords, node: ast.AST, frame: Frame) -> Value:
    """The initializer of this name, with its configuration."""
    spec = machine.knowledge.initializers.get(canonical(f"{NAMESPACE}.{name.rpartition('>')[2]}"))
    if spec is None:
        if ">" not in name:
            check_keras(machine, name, node, frame, text=True)
        return Unknown(f"an initializer called {name!r}")
    return construct(machine, spec, [], config, node, frame)


def configuration(machine: Machine, value: Initializer) -> DictValue:
    """`get_config()`."""
    own = spec_of(machine, value)
    names = {p.spelled or p.name for p in own.parameters} if own is not None else set(value.cell)
    return Configuration({k: v for k, v in value.cell.items() if k in names}, value, machine.next_serial())


def serialize(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`initializers.serialize(initializer)`: its class and its configuration."""
    value = resolve(machine, args[0] if args else kwargs.get("initializer"), node, frame)
    if not isinstance(value, Initializer) or not isinstance(value.cls, Symbol):
        return Unknown("a serialized initializer")
    return DictValue({"class_name": value.name, "config": configuration(machine, value)}, serial=machine.next_serial())


# -- methods ------------------------------------------------------------------------------


def call_native(
    machine: Machine, receiver: Initializer, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A method that Keras gives to initializers."""
    if name == "__init__":
        own = spec_of(machine, receiver)
        if own is not None:
            fill(machine, receiver, own, args, kwargs, node, frame)
        return None
    if name == "get_config":
        return configuration(machine, receiver)
    if name == "clone":
        config = machine.call(machine.attribute(receiver, "get_config", node, frame), [], {}, node, frame)
        return from_config(machine, receiver.cls, [config], {}, node, frame)
    if name == "from_config":
        return from_config(machine, receiver.cls, args, kwargs, node, frame)
    if name == "__call__":
        return call_initializer(machine, receiver, args, kwargs, node, frame)
    return Unknown(f"{receiver.name}.{name}")


def from_config(machine: Machine, cls: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`Class.from_config(config)`: a new object with these arguments."""
    config = args[0] if args else kwargs.get("config")
    if not isinstance(config, DictValue) or config.open:
        return Unknown("an object made from a configuration that is not known")
    made = machine.call(cls, [], {str(key): value for key, value in config.cell.items()}, node, frame)
    if isinstance(made, Initializer) and isinstance(config, Configuration):  # a copy: the choice was made elsewhere
        made.place = config.origin.place
        machine.heap.write(made.cell, SPANS, config.origin.cell.get(SPANS, ()))
    return made


def call_initializer(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """`initializer(shape, dtype)`: a tensor with its values."""
    assert isinstance(callee, Initializer)
    shape = args[0] if args else kwargs.get("shape")
    sizes = tuple(s if isinstance(s, int) else None for s in shape) if isinstance(shape, tuple) else None
    spec = spec_of(machine, callee) if isinstance(callee.cls, Symbol) else None
    if spec is not None and sizes is not None:
        check_rank(machine, spec, sizes, f"the shape {sizes}".replace("None", "?"), node, frame)
    found = events_of(machine, callee, shape, node, frame)
    return Tensor(-1, sizes, found[0] if len(found) == 1 else unknown_event("one of several initializers"))


# -- what they write ----------------------------------------------------------------------


def unknown_event(why: str, place: Place | None = None, spelling: str = "") -> InitEvent:
    return InitEvent("unknown", (("why", why),), place, spelling, explicit=True)


def events_of(machine: Machine, value: Value, shape: Value, node: ast.AST, frame: Frame) -> tuple[InitEvent, ...]:
    """The write that an initializer comes to; several where it may be one of several. `node` is where it is given."""
    if isinstance(value, Alternatives):
        found = [event for option in value.options for event in events_of(machine, option, shape, node, frame)]
        return tuple(dict.fromkeys(found))
    place = frame.unit.place(node)
    spelling = f"{NAMESPACE}.{value}" if isinstance(value, str) else ""
    shared = value if isinstance(value, Initializer) else None
    made = resolve(machine, value, node, frame)
    if isinstance(made, Alternatives):
        return events_of(machine, made, shape, node, frame)
    if isinstance(made, Initializer):
        spec = spec_of(machine, made)
        own = made.cls.find("__call__") if isinstance(made.cls, Class) else None
        if isinstance(own, Function):
            return (content(machine, Bound(made, own), shape, node, frame),)
        if spec is not None:
            return (event_of(machine, made, spec, spelling or spec.qualified, place, frame, shared),)
    if isinstance(made, (Function, Bound, Partial, Native)):
        return (content(machine, made, shape, node, frame),)
    if isinstance(made, (Param, View, Tensor)):
        return (unknown_event("given values", place),)
    why = made.why if isinstance(made, Unknown) else "an initializer that is not understood"
    return (unknown_event(why, place, spelling),)


def event_of(
    machine: Machine,
    made: Initializer,
    spec: InitializerSpec,
    spelling: str,
    place: Place,
    frame: Frame,
    shared: Initializer | None,
) -> InitEvent:
    """The write of an initializer that the tables know."""
    given = {p.name: made.cell.get(p.spelled or p.name) for p in spec.parameters if p.name not in NOT_A_LAW}
    if given.get("gain") == 1.0:
        del given["gain"]  # the default: no choice of a gain
    if spec.technique == "constant" and not isinstance(given.get("val"), (int, float)):
        return unknown_event("given values", made.place or place, spelling)
    seed = made.cell.get("seed")
    alone = shared is None or spec.technique in FIXED or (seed is not None and not isinstance(seed, int))
    where = made.place if shared is not None and made.place is not None else place
    return InitEvent(
        spec.technique,
        tuple((name, scalar(value)) for name, value in given.items()),
        where,
        spelling,
        explicit=True,
        function=function_name(frame),
        calls=machine.calls_now(place),
        certain=machine.certain,
        spans=(("initializer", place), *made.cell.get(SPANS, ())),  # type: ignore[misc]
        maker=0 if alone or shared is None else -shared.serial if isinstance(seed, int) else shared.serial,
    )


def content(machine: Machine, function: Value, shape: Value, node: ast.AST, frame: Frame) -> InitEvent:
    """What a function of the project that is used as an initializer returns."""
    result = machine.call(function, [shape], {"dtype": None}, node, frame)
    place = frame.unit.place(node)
    if isinstance(result, Tensor) and result.content is not None and result.param is None:
        event = result.content
        return InitEvent(
            event.name, event.args, place, event.spelling, explicit=True, function=function_name(frame),
            calls=machine.calls_now(place), certain=machine.certain,
        )  # fmt: skip
    return unknown_event("a function that is used as an initializer", place)


HANDLERS: Final[dict[str, Handler]] = {
    f"{NAMESPACE}.get": get,
    f"{NAMESPACE}.deserialize": get,
    f"{NAMESPACE}.serialize": serialize,
    "keras.saving.serialize_keras_object": serialize,
    "keras.utils.serialize_keras_object": serialize,
}
