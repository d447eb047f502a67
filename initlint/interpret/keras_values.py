"""Objects of Keras as values: layers and models, and initializers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from initlint.graph import Unknown
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.values import (
    MOST_NESTED,
    Alternatives,
    Cell,
    Class,
    DictValue,
    Function,
    Instance,
    ListValue,
    Symbol,
    Value,
)
from initlint.knowledge import REQUIRED, LayerSpec, Parameter

if TYPE_CHECKING:
    from initlint.graph import Node
    from initlint.interpret.machine import Arguments, Keywords
    from initlint.interpret.tensors import Param

Shape: TypeAlias = tuple[int | None, ...] | None

BUILT: Final = "<built>"  # key of a layer's cell: whether its build ran
INPUT_SHAPE: Final = "<input shape>"  # the shape that its input is said to have, batch included
INPUTS: Final = "inputs"
OUTPUTS: Final = "outputs"
GRAPH: Final = "<graph>"  # the steps among which those of its inputs and outputs are
KERAS: Final = "keras"
INITIALIZER: Final = "initializer"


class KerasValue(Instance):
    """An object of Keras, or of a class of the project that derives from one of Keras's."""

    __slots__ = ()


class KerasObject(KerasValue):
    """A layer or a model."""

    __slots__ = ()

    @property
    def module(self) -> bool:
        return True


class Initializer(KerasValue):
    """An initializer: its cell holds the arguments under Keras's names."""

    __slots__ = ()

    @property
    def module(self) -> bool:
        return False


class Configuration(DictValue):
    """What `get_config()` of an initializer gives: what is made from it stands where the first one was made."""

    __slots__ = ("origin",)

    def __init__(self, entries: Cell, origin: Initializer, serial: int) -> None:
        super().__init__(entries, serial=serial)
        self.origin = origin


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps that one entry took, and the layers of some of them."""

    nodes: list[Node]
    layers: dict[int, Instance | Param]


def framework_of(cls: Class) -> str:
    """Whether objects of a project's class are Keras's layers and models (`keras`), its initializers, or neither."""
    names = list(cls.symbols())
    if any(name.startswith("keras.initializers.") for name in names):
        return INITIALIZER
    if any(name.startswith("keras.") and name.startswith(LAYERED) for name in names):
        return KERAS
    outside = [name for name in names if not name.startswith(("torch.", "builtins.", "abc.", "typing."))]
    if outside and isinstance(cls.find("call"), Function) and not isinstance(cls.find("forward"), Function):
        return KERAS  # of a base class that we do not see
    return ""


LAYERED: Final = ("keras.layers.", "keras.Model", "keras.Sequential", "keras.applications.", "keras.Operation")


def object_of(cls: Class | Symbol, serial: int, spec: LayerSpec | None) -> Instance:
    """An object of a class, of the type that its framework asks for."""
    framework = cls.framework if isinstance(cls, Class) else ""
    if framework == KERAS:
        return KerasObject(cls, serial, spec)
    return Initializer(cls, serial, spec) if framework == INITIALIZER else Instance(cls, serial, spec)


def bind(
    parameters: Iterable[Parameter], older: dict[str, str], args: Arguments, kwargs: Keywords
) -> tuple[dict[str, Value], set[str]]:
    """The arguments of a call by name, defaults filled in and lists as tuples; the names of those that were given."""
    named = [p for p in parameters if p.kind in ("ordinary", "keyword")]
    given: dict[str, Value] = {}
    for parameter, value in zip((p for p in named if p.kind == "ordinary"), args, strict=False):
        given[parameter.spelled or parameter.name] = value
    for key, value in kwargs.items():
        if key != "**":
            given[older.get(key, key)] = value
    arguments: dict[str, Value] = {}
    for parameter in named:
        name = parameter.spelled or parameter.name
        if name not in given:
            missing = Unknown(f"argument {name}")
            arguments[name] = missing if parameter.default is REQUIRED else parameter.default
    arguments.update({name: plain(value) for name, value in given.items()})
    return arguments, set(given)


def plain(value: Value, depth: int = 0) -> Value:
    """A list whose elements are known, as a tuple."""
    if depth > MOST_NESTED:
        return value
    if isinstance(value, ListValue) and not value.open:
        return tuple(plain(item, depth + 1) for item in value.items)
    return tuple(plain(item, depth + 1) for item in value) if isinstance(value, tuple) else value


def shape_from(value: Value) -> Shape:
    """A shape that code gives, as sizes; None where its rank is not known."""
    value = plain(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, tuple):
        return None
    return tuple(part if isinstance(part, int) and not isinstance(part, bool) else None for part in value)


def shape_value(value: Value, depth: int = 0) -> Value:
    """The shape of a tensor, or of each of several, as code sees it."""
    if isinstance(value, Tensor):
        if value.shape is not None:
            return tuple(None if i == 0 else size_value(size) for i, size in enumerate(value.shape))
        return (None, size_value(value.channels)) if value.channels is not None else Unknown("a shape")
    if depth > MOST_NESTED:
        return Unknown("a shape")
    if isinstance(value, (tuple, ListValue)):
        items = value if isinstance(value, tuple) else value.items
        return ListValue(tuple(shape_value(item, depth + 1) for item in items))
    if isinstance(value, DictValue):
        return DictValue({key: shape_value(item, depth + 1) for key, item in value.cell.items()})
    if isinstance(value, Alternatives):
        return shape_value(value.options[0], depth + 1)
    return Unknown("a shape")


def size_value(size: int | None) -> Value:
    return Unknown("a size") if size is None else size


def like(tensor: Tensor, shape: Shape, channels: int | None = None) -> Tensor:
    """The same tensor, its shape known."""
    made = Tensor(tensor.node, shape, tensor.content, tensor.param)
    made.channels = shape[-1] if shape else channels
    return made
