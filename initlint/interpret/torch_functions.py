"""Functions of torch on tensors: by the roles that the tables give them."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import selections, torch_init, windows
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.pieces import ROW_MAJOR, rows_of, share
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_factories import factory
from initlint.interpret.torch_tensors import (
    as_tensor,
    operator_,
    product,
    tensors_in,
    use_weight,
)
from initlint.interpret.values import Alternatives, Frame, ListValue, Symbol, Value, flatten
from initlint.knowledge import FunctionSpec

REARRANGING: Final = frozenset(
    "chunk split tensor_split unbind narrow select index_select gather unfold unsqueeze expand expand_as repeat"
    " repeat_interleave transpose swapaxes permute movedim t T mT flip roll rot90 diagonal".split()
)
TENSOR_WORDS: Final = ("input", "query", "tensor", "x", "mat1", "self")


def subject(args: Arguments, kwargs: Keywords) -> Value:
    """The tensor argument of a function."""
    if args:
        return args[0]
    for word in TENSOR_WORDS:
        if word in kwargs:
            return kwargs[word]
    return next(iter(kwargs.values()), None)


def call_function(
    machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A torch function, or a tensor method with its receiver first."""
    role = spec.role
    value = subject(args, kwargs)
    selected = selections.called(machine, spec.qualified.rpartition(".")[2], args, kwargs, node)
    if selected is not None:
        return selected
    if role in ("activation", "elementwise", "norm", "dropout", "pool", "loss", "distance"):
        if isinstance(value, Unknown):
            found = [t for t in tensors_in(machine, [*args[1:], *kwargs.values()]) if t.node >= 0]
            if not found:
                return value
        if role == "activation":
            return activate(machine, spec, value, args, kwargs, node)
        every = [*args, *kwargs.values()] if role in ("loss", "distance") else [value]
        inputs = list(tensors_in(machine, every))
        op = {"elementwise": "scale", "distance": "scale", "loss": "output"}.get(role, role)
        if role == "elementwise":
            return elementwise(machine, spec, inputs, args, kwargs, node)
        if role == "pool":
            return windows.pooled(machine, inputs, spec.name, node, *windows.of_call(spec, args, kwargs))
        rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5) if role == "dropout" else None
        return machine.flow(op, inputs, spec.name, node, rate if isinstance(rate, (int, float)) else None)
    if role == "weighted":
        position = spec.weight if spec.weight >= 0 else 1
        weight = args[position] if position < len(args) else kwargs.get("weight", kwargs.get("in_proj_weight"))
        first = args[1] if position == 0 and len(args) > 1 else value
        return use_weight(
            machine, [as_tensor(machine, first)], weight, node, spec.name or spec.qualified.rpartition(".")[2]
        )
    if role == "matmul":
        factors = [*args, *(value for key, value in kwargs.items() if key not in ("beta", "alpha"))]
        if spec.name != "add" or len(factors) < 3:
            return product(machine, factors, node)
        return operator_("add")(machine, [factors[0], product(machine, factors[1:], node)], {}, node, frame)
    if role == "attention":
        return attend(machine, spec, args, kwargs, node)
    if role == "merge":
        return merge(machine, spec, args, kwargs, node, frame)
    if role in ("shape", "identity"):
        return reshape(machine, spec, value, args, kwargs, node, frame)
    if role == "factory":
        return factory(machine, spec, args, kwargs, node, frame)
    if role in ("comparison", "predicate"):
        return ask(machine, spec, value, args)
    if role == "write":
        return value
    if role == "recurrent":
        return (machine.flow("layer", list(tensors_in(machine, args[:1])), spec.name, node), Unknown("a state"))
    return machine.lost(spec.qualified, args, kwargs)


def elementwise(
    machine: Machine, spec: FunctionSpec, inputs: list[Tensor], args: Arguments, kwargs: Keywords, node: ast.AST
) -> Value:
    """A function of single entries that is no activation, with the number it takes: a clamp in two steps."""
    if spec.name in ("clamp", "clip", "clip_by_value", "clamp_min", "clamp_max"):
        words = {key.removeprefix("x_").removeprefix("clip_value_"): value for key, value in kwargs.items()}
        low = words.get("min", args[1] if len(args) > 1 and spec.name != "clamp_max" else None)
        high = words.get("max", args[-1] if len(args) > 2 or spec.name == "clamp_max" else None)
        for name, bound in (("clamp_min", low), ("clamp_max", high)):
            if bound is not None:
                inputs = [machine.flow("scale", inputs, name, node, plain(bound))]
        return inputs[0] if inputs else Unknown(spec.name)
    given = kwargs.get("exponent", args[1] if len(args) > 1 else None) if spec.name == "pow" else None
    return machine.flow("scale", inputs, spec.name, node, plain(given))


def plain(value: Value) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def activate(
    machine: Machine, spec: FunctionSpec, value: Value, args: Arguments, kwargs: Keywords, node: ast.AST
) -> Value:
    slope: float | None = None
    if spec.parameter:
        given = kwargs.get(spec.parameter, args[1] if len(args) > 1 else spec.default)
        slope = given if isinstance(given, (int, float)) and not isinstance(given, bool) else None
    return machine.flow("activation", list(tensors_in(machine, [value])), spec.name, node, slope)


def attend(machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST) -> Value:
    inputs = [t for t in tensors_in(machine, [*args[:3], *kwargs.values()]) if t.node >= 0]
    if spec.weight >= 0 and len(args) > spec.weight:
        made = use_weight(machine, inputs, args[spec.weight], node, "attention")
        return (made, Unknown("attention weights"))
    return machine.flow("attention", inputs, "", node)


def merge(
    machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """add, mul, cat, where, ...: two operands behave as the operator does."""
    values = [*args, *(v for k, v in kwargs.items() if k not in ("dim", "alpha", "value"))]
    if spec.name in ("add", "mul") and len(values) >= 2:
        last = spec.qualified.rpartition(".")[2].rstrip("_")
        word = {"sub": "sub", "subtract": "sub", "div": "truediv", "divide": "truediv"}.get(last, spec.name)
        return operator_(word)(machine, values[:2], {}, node, frame)
    found = list(tensors_in(machine, values))
    data = [t for t in found if t.node >= 0]
    if data and spec.name == "cat":  # what is not known is another branch
        data += [as_tensor(machine, part) for part in flatten(values[0]) if isinstance(part, Unknown)]
    if len(data) > 1:
        return machine.flow("cat", data, spec.name, node)
    if data:
        return data[0]
    contents = [t.content for t in found if t.content is not None]
    same = contents[0] if contents and len(contents) == len(found) and len({c.name for c in contents}) == 1 else None
    return Tensor(content=same, param=next((t.param for t in found if t.param is not None), None))


def reshape(
    machine: Machine, spec: FunctionSpec, value: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Shape and dtype changes: the same numbers, in shared memory where `spec.name` says view."""
    if isinstance(value, Alternatives):
        return machine.each(value, lambda v: reshape(machine, spec, v, [v, *args[1:]], kwargs, node, frame))
    last = spec.qualified.rpartition(".")[2]
    if isinstance(value, Tensor):
        if last == "requires_grad_":
            return value
        if spec.name == "copy" and value.node < 0:
            copy = Tensor(-1, value.shape, value.content, value.param)
            copy.origin = value.origin
            return copy
        if value.node >= 0:
            return value.rearranged() if last in REARRANGING else value
        seen = Tensor(-1, None if spec.role == "shape" else value.shape, value.content, value.param)
        seen.base = value.base or value
        return seen
    if isinstance(value, (Param, View)):
        param, shape = (value.param, value.shape) if isinstance(value, View) else (value, value.shape)
        whole = value.whole if isinstance(value, View) else True
        detached = value.detached if isinstance(value, View) else False
        if last == "requires_grad_":
            wanted = args[1] if len(args) > 1 else kwargs.get("requires_grad", True)
            param.trainable = wanted if isinstance(wanted, bool) else None
            return value
        if last in ("chunk", "split", "unbind", "tensor_split"):
            return pieces(value, last, args, kwargs)
        if spec.name == "copy":
            copy = Tensor(-1, shape, None, param)
            copy.origin = torch_init.endings_of(param) if whole else ()
            return copy
        if last == "detach_":
            param.trainable = False
        if last in ("detach", "detach_", "data"):
            return View(param, shape, whole=whole, detached=True, rows=rows_of(value))
        if last == "contiguous" and isinstance(value, View) and rows_of(value) is None:
            return Tensor(-1, shape, None, param)  # of what is expanded or transposed: a copy
        same_rank = last in ("t", "transpose", "permute", "T", "mT", "contiguous")
        turned = None if shape is None else turned_shape(shape, last, args[1:])
        now = turned or (tuple(None for _ in shape) if shape is not None and same_rank else None)
        partial_view = last in ("narrow", "select", "diagonal", "index_select", "diag", "combinations")
        rows = rows_of(value) if last in ROW_MAJOR else None
        return View(param, now, whole=whole and not partial_view, detached=detached, rows=rows)
    if isinstance(value, (tuple, ListValue)):
        return machine.flow("cat", list(tensors_in(machine, [value])), last, node)
    return value if isinstance(value, Unknown) else as_tensor(machine, value)


def turned_shape(shape: tuple[int | None, ...], method: str, dimensions: Arguments) -> tuple[int | None, ...] | None:
    """The shape with its dimensions in another order, where that is known."""
    order = list(range(len(shape)))
    if method in ("t", "T"):
        order.reverse()
    elif method == "mT" and len(order) > 1:
        order[-2:] = reversed(order[-2:])
    elif method == "transpose" and len(dimensions) == 2:
        one, other = dimensions
        if not (isinstance(one, int) and isinstance(other, int)):
            return None
        if not (-len(order) <= one < len(order) and -len(order) <= other < len(order)):
            return None
        order[one], order[other] = order[other], order[one]
    else:
        return None
    return tuple(shape[i] for i in order)


def pieces(value: Param | View, method: str, args: Arguments, kwargs: Keywords) -> Value:
    """What `chunk` and its kin give: views of rows, or of something else where another dimension is split."""
    param, shape = (value.param, value.shape) if isinstance(value, View) else (value, value.shape)
    detached = value.detached if isinstance(value, View) else False
    count = args[1] if len(args) > 1 else kwargs.get("chunks", kwargs.get("split_size_or_sections"))
    position = 1 if method == "unbind" else 2
    along = args[position] if len(args) > position else kwargs.get("dim", 0)
    rest = shape[1:] if shape is not None else None
    first: int | None = None
    if method == "unbind":
        part = rest
        count = shape[0] if shape else None
    elif shape is not None:
        if isinstance(count, int) and count > 0 and shape[0] is not None:
            first = shape[0] // count if method != "split" else count
            count = shape[0] // count if method == "split" else count
        part = (first, *(rest or ()))
    else:
        part = None
    if not isinstance(count, int) or not 0 < count <= 64:
        return ListValue((View(param, part, whole=False, detached=detached, rows=None),), open_=True)
    even = along == 0 and (shape is None or shape[0] is None or shape[0] % count == 0)
    even = even and (method != "split" or first is not None)
    rows = rows_of(value) if even else None
    return tuple(
        View(param, part, whole=False, detached=detached, rows=share(rows, index / count, (index + 1) / count))
        for index in range(count)
    )


def trainable_of(value: Param | View) -> bool | None:
    return (value.param if isinstance(value, View) else value).trainable


def ask(machine: Machine, spec: FunctionSpec, value: Value, args: Arguments) -> Value:
    """Sizes, ranks and flags, where they are known."""
    if spec.name == "false":
        return False  # the code is run as it stands, neither traced nor compiled
    last = spec.qualified.rpartition(".")[2]
    shape = getattr(value, "shape", None)
    if isinstance(value, (Tensor, Param, View)) and isinstance(shape, tuple):
        if last in ("dim", "ndim", "ndimension"):
            return len(shape)
        sizes: tuple[Value, ...] = tuple(Unknown("a size") if s is None else s for s in shape)
        if last in ("shape", "size"):
            if len(args) > 1 and last == "size":
                at = args[1]
                return sizes[at] if isinstance(at, int) and -len(sizes) <= at < len(sizes) else Unknown("a size")
            return sizes
        if last in ("numel", "nelement"):
            total = 1
            for size in shape:
                if size is None:
                    return Unknown("a number of elements")
                total *= size
            return total
    if last == "is_floating_point" and isinstance(value, (Param, View)) and trainable_of(value):
        return True  # others have no gradient
    if last == "requires_grad" and isinstance(value, (Param, View)):
        trainable = trainable_of(value)
        return Unknown("requires_grad") if trainable is None else trainable
    if last == "device" and isinstance(value, Tensor) and value.node < 0 and value.content is not None:
        return Symbol.of("torch.device.cpu")  # the default, where it was made just now
    if last == "is_tensor":
        return isinstance(value, (Tensor, Param, View)) or Unknown("is_tensor")
    return Unknown(f"{last} of a tensor")
