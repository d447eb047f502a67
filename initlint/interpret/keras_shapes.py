"""What layers of Keras do to the shape of a tensor: the rules that `output` names in rules/layers/keras.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from initlint import expressions
from initlint.interpret.keras_values import Shape, shape_from
from initlint.interpret.tensors import Tensor
from initlint.interpret.values import Value

Known: TypeAlias = Mapping[str, Value]
Found: TypeAlias = tuple[Shape, int | None]  # the shape, and the size of the channel axis where only that is known


def channel_axis(arguments: Known) -> int:
    return 1 if arguments.get("data_format") == "channels_first" else -1


def channels_of(tensor: Tensor, arguments: Known) -> int | None:
    """The size of a tensor's channel axis."""
    axis = channel_axis(arguments)
    if tensor.shape is None:
        return tensor.channels if axis == -1 else None
    return tensor.shape[axis] if len(tensor.shape) > 1 else tensor.shape[-1] if tensor.shape else None


def output_of(rule: str, arguments: Known, tensors: list[Tensor]) -> Found:
    """The shape of a layer's output, by the rule that its row names."""
    name, _, rest = rule.partition(" ")
    find = RULES.get(name)
    if find is None or not tensors:
        return None, None
    return find(rest, arguments, tensors)


def size(expression: str, arguments: Known) -> int | None:
    value = expressions.evaluate(expression, arguments)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def same(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    first = next((t for t in tensors if t.shape is not None), tensors[0])
    return first.shape, first.channels


def last(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    units, shape = size(rest, arguments), tensors[0].shape
    return (None, units) if shape is None else ((*shape[:-1], units), units)


def append(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    units, shape = size(rest, arguments), tensors[0].shape
    return (None, units) if shape is None else ((*shape, units), units)


def spatial(shape: tuple[int | None, ...], arguments: Known) -> tuple[int | None, ...]:
    return shape[2:] if channel_axis(arguments) == 1 else shape[1:-1]


def joined(
    batch: int | None, sizes: tuple[int | None, ...], channels: int | None, arguments: Known
) -> tuple[int | None, ...]:
    return (batch, channels, *sizes) if channel_axis(arguments) == 1 else (batch, *sizes, channels)


def each(value: Value, count: int) -> tuple[int | None, ...]:
    """An argument such as `strides`, once for each axis."""
    if isinstance(value, int):
        return (value,) * count
    known = shape_from(value)
    return known if known is not None and len(known) == count else (None,) * count


def window(
    rest: str, arguments: Known, shape: tuple[int | None, ...], channels: int | None, step: str, reach: str
) -> Found:
    sizes = spatial(shape, arguments)
    steps = each(arguments.get(step) if arguments.get(step) is not None else arguments.get(reach), len(sizes))
    reaches = each(arguments.get(reach), len(sizes))
    spread = each(arguments.get("dilation_rate", 1), len(sizes))
    padding = arguments.get("padding")
    found: list[int | None] = []
    for length, stride, extent, dilation in zip(sizes, steps, reaches, spread, strict=True):
        if length is None or not stride or extent is None or dilation is None:
            found.append(None)
        elif padding in ("same", "SAME", "causal"):
            found.append(-(-length // stride))
        elif padding in ("valid", "VALID"):
            found.append(max((length - dilation * (extent - 1) - 1) // stride + 1, 1))
        else:
            found.append(None)
    return joined(shape[0], tuple(found), channels, arguments), channels


def convolution(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    channels, shape = size(rest, arguments), tensors[0].shape
    if shape is None or len(shape) < 3:
        return None, channels
    return window(rest, arguments, shape, channels, "strides", "kernel_size")


def transposed(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    channels, shape = size(rest, arguments), tensors[0].shape
    if shape is None or len(shape) < 3:
        return None, channels
    sizes = spatial(shape, arguments)
    steps, reaches = each(arguments.get("strides"), len(sizes)), each(arguments.get("kernel_size"), len(sizes))
    plain_step = arguments.get("output_padding") is None
    found: list[int | None] = []
    for length, stride, extent in zip(sizes, steps, reaches, strict=True):
        if length is None or not stride or extent is None or not plain_step:
            found.append(None)
        elif arguments.get("padding") == "same":
            found.append(length * stride)
        else:
            found.append(length * stride + max(extent - stride, 0))
    return joined(shape[0], tuple(found), channels, arguments), channels


def pool(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    shape = tensors[0].shape
    if shape is None or len(shape) < 3:
        return None, tensors[0].channels
    return window(rest, arguments, shape, channels_of(tensors[0], arguments), "strides", "pool_size")


def globally(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    channels, shape = channels_of(tensors[0], arguments), tensors[0].shape
    if arguments.get("keepdims") is True:
        if shape is None:
            return None, channels
        return joined(shape[0], (1,) * (len(shape) - 2), channels, arguments), channels
    return (shape[0] if shape else None, channels), channels


def adaptive(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    channels, shape = channels_of(tensors[0], arguments), tensors[0].shape
    if shape is None:
        return None, channels
    return joined(shape[0], each(arguments.get("output_size"), len(shape) - 2), channels, arguments), channels


def flatten(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    shape = tensors[0].shape
    if shape is None:
        return (None, None), None
    total = product(shape[1:])
    return (shape[0], total), total


def product(sizes: tuple[int | None, ...]) -> int | None:
    total = 1
    for part in sizes:
        if part is None:
            return None
        total *= part
    return total


def reshape(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    target = shape_from(arguments.get(rest))
    if target is None:
        return None, None
    shape = tensors[0].shape
    if -1 in target:
        total = product(shape[1:]) if shape is not None else None
        others = product(tuple(part for part in target if part != -1))
        missing = total // others if total is not None and others else None
        target = tuple(missing if part == -1 else part for part in target)
    return (shape[0] if shape else None, *target), target[-1] if target else None


def permute(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    order, shape = shape_from(arguments.get(rest)), tensors[0].shape
    if order is None or shape is None or any(axis is None or not 0 < axis < len(shape) for axis in order):
        return None, None
    found = (shape[0], *(shape[axis] for axis in order if axis is not None))
    return found, found[-1]


def repeat(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    shape = tensors[0].shape
    channels = channels_of(tensors[0], arguments)
    return (shape[0] if shape else None, size(rest, arguments), channels), channels


def resized(change: Callable[[int, int], int]) -> Callable[[str, Known, list[Tensor]], Found]:
    """Shapes whose spatial axes change by what an argument says of each."""

    def find(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
        channels, shape = channels_of(tensors[0], arguments), tensors[0].shape
        if shape is None or len(shape) < 3:
            return None, channels
        sizes = spatial(shape, arguments)
        given = arguments.get(rest)
        amounts = totals(given, len(sizes), doubled=rest != "size")
        found = tuple(
            None if length is None or amount is None else change(length, amount)
            for length, amount in zip(sizes, amounts, strict=True)
        )
        return joined(shape[0], found, channels, arguments), channels

    return find


def totals(given: Value, count: int, *, doubled: bool) -> tuple[int | None, ...]:
    """For each axis, both sides together: of 1, of (1, 2), of ((1, 1), (2, 2))."""
    if isinstance(given, int):
        return (2 * given if doubled else given,) * count
    if not isinstance(given, tuple):
        return (None,) * count
    if count == 1 and doubled:
        given = (given,)
    if len(given) != count:
        return (None,) * count
    found: list[int | None] = []
    for part in given:
        if isinstance(part, int):
            found.append(2 * part if doubled else part)
        elif isinstance(part, tuple) and len(part) == 2 and all(isinstance(side, int) for side in part):
            found.append(part[0] + part[1])
        else:
            found.append(None)
    return tuple(found)


def resize(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    channels, shape = channels_of(tensors[0], arguments), tensors[0].shape
    sizes = tuple(size(name.strip(), arguments) for name in rest.split(","))
    return joined(shape[0] if shape else None, sizes, channels, arguments), channels


def concatenate(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    axis = arguments.get("axis")
    shapes = [t.shape for t in tensors]
    first = shapes[0]
    if not isinstance(axis, int):
        return None, None
    if first is None or any(s is None or len(s) != len(first) for s in shapes) or not -len(first) <= axis < len(first):
        sizes = [t.channels for t in tensors]
        return None, sum(s for s in sizes if s) if axis == -1 and None not in sizes else None
    axis %= len(first)
    parts = [s[axis] for s in shapes if s is not None]
    total = sum(p for p in parts if p is not None) if None not in parts else None
    found = (*first[:axis], total, *first[axis + 1 :])
    return found, found[-1]


def recurrent(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    units, shape = size(rest, arguments), tensors[0].shape
    if arguments.get("return_sequences") is True:
        return (None, None, units) if shape is None else (shape[0], *shape[1:-1], units), units
    if arguments.get("return_sequences") is False:
        return (shape[0] if shape else None, units), units
    return None, units


def einsum(rest: str, arguments: Known, tensors: list[Tensor]) -> Found:
    """The shape of the output is what the constructor was told, -1 axes as the input has them."""
    target = shape_from(arguments.get("output_shape"))
    if target is None:
        return None, None
    shape = tensors[0].shape
    return (shape[0] if shape else None, *target), target[-1] if target else None


RULES: Final[Mapping[str, Callable[[str, Known, list[Tensor]], Found]]] = {
    "same": same,
    "last": last,
    "append": append,
    "convolution": convolution,
    "transposed": transposed,
    "pool": pool,
    "global": globally,
    "adaptive": adaptive,
    "flatten": flatten,
    "reshape": reshape,
    "permute": permute,
    "repeat": repeat,
    "grow": resized(lambda length, amount: length + amount),
    "shrink": resized(lambda length, amount: max(length - amount, 0)),
    "enlarge": resized(lambda length, amount: length * amount),
    "resize": resize,
    "concatenate": concatenate,
    "recurrent": recurrent,
    "einsum": einsum,
    "unknown": lambda rest, arguments, tensors: (None, None),
}
