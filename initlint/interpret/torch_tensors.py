"""Tensors: what operators, functions and methods do to data that flows and to parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from initlint.graph import InitEvent, Unknown
from initlint.interpret import torch_init
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.values import (
    Alternatives,
    Bound,
    DictValue,
    Frame,
    Instance,
    ListValue,
    Param,
    Tensor,
    Value,
    View,
)
from initlint.knowledge import FunctionSpec

Shape = tuple[int | None, ...] | None
TENSOR_WORDS: Final = ("input", "query", "tensor", "x", "mat1", "self")


def tensors_in(machine: Machine, values: Sequence[Value]) -> Iterator[Tensor]:
    """All tensors in arguments, nested ones too; parameters as tensors computed from them."""
    for value in values:
        if isinstance(value, Tensor):
            if machine.lost_writes:
                machine.found_again(value)
            yield value
        elif isinstance(value, Param):
            yield Tensor(param=value, shape=value.shape)
        elif isinstance(value, View):
            yield Tensor(param=value.param, shape=value.shape)
        elif isinstance(value, (tuple, list)):
            yield from tensors_in(machine, value)
        elif isinstance(value, ListValue):
            yield from tensors_in(machine, value.items)
        elif isinstance(value, DictValue):
            yield from tensors_in(machine, list(value.cell.values()))
        elif isinstance(value, Alternatives):
            found = list(tensors_in(machine, value.options))
            if found:
                yield machine.either(tuple(found)) if len(found) > 1 else found[0]


def as_tensor(machine: Machine, value: Value) -> Tensor:
    """A value where a tensor is wanted. What is not known becomes a source of unknown data."""
    found = list(tensors_in(machine, [value]))
    if len(found) == 1:
        return found[0]
    if found:
        return machine.flow("cat", found)
    why = value.why if isinstance(value, Unknown) else "not a tensor"
    return Tensor(machine.emit("unknown", (), why))


# -- weights in use -----------------------------------------------------------------------


def use_weight(machine: Machine, inputs: list[Tensor], weight: Value, node: ast.AST, kind: str) -> Tensor:
    """A weighted step by a function: F.linear(x, weight), x @ weight, einsum(..., weight)."""
    param = weight if isinstance(weight, Param) else getattr(weight, "param", None)
    if not isinstance(param, Param):
        data = [*inputs, *tensors_in(machine, [weight])]
        return machine.flow("matmul", data, kind, node)
    ids = tuple(dict.fromkeys(t.node for t in inputs if t.node >= 0))
    made = machine.emit("layer", ids, kind, node)
    machine.node_layers[made] = layer_of(param)
    return Tensor(made)


def layer_of(param: Param) -> Instance | Param:
    """The layer that a parameter belongs to, or the parameter itself where it is a raw one."""
    owner = param.owner
    if owner is not None and owner.spec is not None and owner.spec.role in ("weighted", "embedding", "recurrent", "attention"):
        if param.role in ("kernel", "embedding", "recurrent"):
            return owner
    return param


# -- operators ----------------------------------------------------------------------------


def operator_(word: str) -> Handler:
    def run(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if word == "matmul":
            return product(machine, args, node)
        found = list(tensors_in(machine, args))
        data = [t for t in found if t.node >= 0]
        if word in ("or", "and", "xor", "lshift", "rshift"):
            return Unknown("a mask")
        if not data:
            return made_of_parameters(machine, word, args, found)
        if len(data) == 2:
            return machine.flow({"add": "add", "sub": "add"}.get(word, "mul"), data, word, node)
        if any(t.param is not None for t in found) or word not in ("add", "sub"):
            if word in ("add", "sub"):
                return data[0]  # a bias
            other = next((a for a in args if isinstance(a, (int, float))), None)
            factor = None if other is None else (other if word == "mul" else 1 / other if word == "truediv" and other else None)
            name = "parameter" if any(t.param is not None for t in found) else word
            return machine.flow("scale", data[:1], name, node, factor)
        return data[0]

    return run


def made_of_parameters(machine: Machine, word: str, args: Arguments, found: list[Tensor]) -> Value:
    """Arithmetic on parameters or on freshly made tensors, away from the data."""
    tensor = next((t for t in found if t.content is not None), None)
    number = next((a for a in args if isinstance(a, (int, float))), None)
    if tensor is not None and tensor.content is not None and len(found) == 1 and number is not None:
        content = tensor.content
        changed = None
        if word == "mul":
            changed = torch_init.scaled(content, number)
        elif word == "truediv" and number and args[0] is tensor:
            changed = torch_init.scaled(content, 1 / number)
        elif word in ("add", "sub"):
            changed = shifted(content, number if word == "add" else -number)
        if changed is not None:
            name = str(changed.pop("name"))
            values = tuple((key, torch_init.scalar(value)) for key, value in changed.items())
            event = InitEvent(name, values, content.place, content.spelling, True, function=content.function)
            return Tensor(shape=tensor.shape, content=event)
    shape = tensor.shape if tensor is not None else None
    params = [t.param for t in found if t.param is not None]
    content_now = InitEvent("unknown", (("why", f"arithmetic ({word})"),), explicit=True) if tensor is not None else None
    return Tensor(shape=shape, content=content_now, param=params[0] if params else None)


def shifted(event: InitEvent, amount: float) -> dict[str, Value] | None:
    numbers: dict[str, Value] = dict(event.args)
    keys = {"normal": ("mean",), "uniform": ("a", "b"), "constant": ("val",)}.get(event.name)
    if event.name in ("zeros", "ones"):
        return {"name": "constant", "val": amount + (event.name == "ones")}
    if keys is None:
        return None
    defaults = {"mean": 0.0, "a": 0.0, "b": 1.0, "val": 0.0}
    for key in keys:
        value = numbers.get(key, defaults[key])
        if not isinstance(value, (int, float)):
            return None
        numbers[key] = value + amount
    return {"name": event.name, **numbers}


def negate(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0]
    return value if isinstance(value, Tensor) else Tensor(param=getattr(value, "param", value))  # type: ignore[arg-type]


def product(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    """Matrix products: of data with a weight, of data with data (attention), of weights."""
    found = list(tensors_in(machine, args))
    data = [t for t in found if t.node >= 0]
    weights = [t for t in found if t.node < 0 and t.param is not None]
    if data and weights:
        result = data
        for weight in weights:
            result = [use_weight(machine, result, weight, node, "matmul")]
        return result[0]
    if len(data) > 1:
        attends = any(after_softmax(machine, t.node) for t in data)
        return machine.flow("attention" if attends else "matmul", data, "", node)
    if data:
        return machine.flow("scale", data, "matmul", node)
    return Tensor(param=weights[0].param if weights else None)


def after_softmax(machine: Machine, start: int) -> bool:
    """Whether a tensor is attention weights: a softmax, perhaps with dropout or scaling after it."""
    seen = set()
    stack = [start]
    while stack:
        index = stack.pop()
        if index in seen:
            continue
        seen.add(index)
        node = machine.nodes[index]
        if node.op == "activation":
            if node.name == "softmax":
                return True
        elif node.op in ("dropout", "scale", "either", "mul", "add"):
            stack.extend(node.inputs)
    return False


def getitem(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value, key = args
    if isinstance(value, Tensor):
        return value
    assert isinstance(value, (Param, View))
    param, shape = (value.param, value.shape) if isinstance(value, View) else (value, value.shape)
    whole = key == slice(None, None, None) or key is Ellipsis
    detached = value.detached if isinstance(value, View) else False
    before = value.whole if isinstance(value, View) else True
    return View(param, shape if whole else part_shape(shape, key), whole=whole and before, detached=detached)


def part_shape(shape: Shape, key: Value) -> Shape:
    """The shape of `tensor[key]`, None where its rank can't be known."""
    if shape is None:
        return None
    keys = key if isinstance(key, tuple) else (key,)
    result: list[int | None] = []
    for position, part in enumerate(keys):
        if position >= len(shape) or not isinstance(part, (int, slice)) or isinstance(part, bool):
            if isinstance(part, Unknown) and part.why == "a slice with unknown bounds":
                result.append(None)
                continue
            return None
        if isinstance(part, slice):
            size = shape[position]
            result.append(len(range(*part.indices(size))) if size is not None else None)
    return (*result, *shape[len(keys) :])


# -- functions ----------------------------------------------------------------------------


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
        return machine.flow(op, inputs, spec.name, node)
    if role == "weighted":
        position = spec.weight if spec.weight >= 0 else 1
        weight = args[position] if position < len(args) else kwargs.get("weight", kwargs.get("in_proj_weight"))
        first = args[1] if position == 0 and len(args) > 1 else value
        return use_weight(machine, [as_tensor(machine, first)], weight, node, spec.name or spec.qualified.rpartition(".")[2])
    if role == "matmul":
        return product(machine, [*args, *kwargs.values()], node)
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
        if last in ("requires_grad_",):
            return value
        if spec.name == "copy" and value.node < 0:
            return Tensor(-1, value.shape, value.content, value.param)
        return value if value.node >= 0 else Tensor(-1, None if spec.role == "shape" else value.shape, value.content, value.param)
    if isinstance(value, (Param, View)):
        param, shape = (value.param, value.shape) if isinstance(value, View) else (value, value.shape)
        whole = value.whole if isinstance(value, View) else True
        detached = value.detached if isinstance(value, View) else False
        if last == "requires_grad_":
            wanted = args[1] if len(args) > 1 else kwargs.get("requires_grad", True)
            param.trainable = wanted if isinstance(wanted, bool) else None
            return value
        if last in ("chunk", "split", "unbind", "tensor_split"):
            return pieces(param, shape, last, args, detached)
        if spec.name == "copy" or spec.name == "either":
            return Tensor(-1, shape, None, param)
        if last in ("detach", "data"):
            return View(param, shape, whole=whole, detached=True)
        same_rank = last in ("t", "transpose", "permute", "T", "mT", "contiguous")
        turned = tuple(reversed(shape)) if shape is not None and last in ("t", "T") else None
        now = turned or (tuple(None for _ in shape) if shape is not None and same_rank else None)
        partial_view = last in ("narrow", "select", "diagonal", "index_select")
        return View(param, now, whole=whole and not partial_view, detached=detached)
    if isinstance(value, (tuple, ListValue)):
        return machine.flow("cat", list(tensors_in(machine, [value])), last, node)
    return value if isinstance(value, Unknown) else as_tensor(machine, value)


def pieces(param: Param, shape: Shape, method: str, args: Arguments, detached: bool) -> Value:
    count = args[1] if len(args) > 1 else None
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
    view = View(param, part, whole=False, detached=detached)
    if isinstance(count, int) and 0 < count <= 64:
        return tuple(View(param, part, whole=False, detached=detached) for _ in range(count))
    return ListValue((view,), open_=True)


def sizes_of(args: Arguments) -> Shape:
    """The shape that a factory's arguments ask for."""
    values: Sequence[Value] = args
    if len(args) == 1 and isinstance(args[0], (tuple, ListValue)):
        values = args[0] if isinstance(args[0], tuple) else args[0].items
        if isinstance(args[0], ListValue) and args[0].open:
            return None
    if any(isinstance(v, Unknown) and v.why == "starred argument" for v in values):
        return None
    if len(values) == 1 and not isinstance(values[0], int):
        return None  # a size of unknown rank, or a list of numbers
    return tuple(v if isinstance(v, int) and not isinstance(v, bool) else None for v in values)


def factory(
    machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A new tensor: its shape, and how its values came to be."""
    last = spec.qualified.rpartition(".")[2]
    name = spec.name
    given: dict[str, Value] = {}
    shape: Shape
    if last.endswith("_like") or (spec.qualified.startswith("Tensor.") and args):
        source = args[0] if args else None
        shape = getattr(source, "shape", None) if last.endswith("_like") else sizes_of(args[1:2] if name == "constant" else args[1:])
        rest = args[1:]
    else:
        size = kwargs.get("size")
        shape = sizes_of([size] if size is not None else args[:1] if name == "constant" else args)
        rest = args
    if name == "legacy":
        numbers = shape is not None and all(isinstance(a, (int, Unknown)) for a in args) and args
        sized = bool(numbers) or any(isinstance(a, tuple) for a in args[:0])
        name = "empty" if sized or (len(args) == 1 and isinstance(args[0], Unknown)) else "values"
        if len(args) == 1 and isinstance(args[0], Unknown):
            shape = None
        if not sized and name == "values":
            shape = None
    if name == "constant":
        value = kwargs.get("fill_value", rest[-1] if rest else Unknown("no value"))
        given["val"] = value
    if last == "normal":
        given = dict(zip(("mean", "std"), args[:2], strict=False)) | {k: v for k, v in kwargs.items() if k in ("mean", "std")}
        shape = sizes_of(args[2:3]) if len(args) > 2 else sizes_of([kwargs["size"]]) if "size" in kwargs else None
    if name == "values":
        value = args[0] if args else None
        shape = () if isinstance(value, (int, float)) else None
        if isinstance(value, (int, float)) and last in ("tensor", "as_tensor"):
            name, given = "constant", {"val": value}
        else:
            name, given = "unknown", {"why": "given values"}
        if isinstance(value, (Tensor, Param, View)):
            return next(tensors_in(machine, [value]))
    event = torch_init.event_of(machine, name, given, node, frame, spec.qualified)
    return Tensor(-1, shape, event)


def ask(machine: Machine, spec: FunctionSpec, value: Value, args: Arguments) -> Value:
    """Sizes, ranks and flags, where they are known."""
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
    if last == "requires_grad" and isinstance(value, (Param, View)):
        trainable = (value.param if isinstance(value, View) else value).trainable
        return Unknown("requires_grad") if trainable is None else trainable
    if last == "is_tensor":
        return isinstance(value, (Tensor, Param, View)) or Unknown("is_tensor")
    return Unknown(f"{last} of a tensor")


# -- methods and attributes ---------------------------------------------------------------


def tensor_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, (Tensor, Param, View))
    if name == "data":
        if isinstance(value, Tensor):
            return value
        view = value if isinstance(value, View) else View(value, value.shape)
        return View(view.param, view.shape, whole=view.whole, detached=True)
    spec = machine.knowledge.functions.get("Tensor." + name)
    if spec is not None:
        if spec.role == "predicate" and name in ("shape", "ndim", "requires_grad", "device", "dtype", "grad", "is_cuda"):
            return ask(machine, spec, value, [value])
        if name in ("T", "mT", "H", "mH", "real", "imag"):
            return reshape(machine, spec, value, [value], {}, node, frame)
    if name == "__class__":
        return machine.tables.symbols["builtins.type"](machine, [value], {}, node, frame)
    if name in ("_no_weight_decay", "_no_reinit", "tensor_model_parallel", "_is_hf_initialized"):
        return Unknown(f"attribute {name} of a tensor")
    return Bound(value, name)


def tensor_method(
    machine: Machine,
    receiver: Tensor | Param | View,
    name: str,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> Value:
    tables = machine.knowledge
    writer = tables.initializers.get("Tensor." + name)
    if writer is not None:
        if isinstance(receiver, (Param, View)):
            return torch_init.inplace(machine, writer, receiver, args, kwargs, node, frame)
        if receiver.node < 0:
            given = torch_init.given_arguments(writer, args, kwargs)
            if writer.technique == "copy":
                return receiver
            if receiver.param is not None and receiver.content is None:
                machine.lose(receiver, node, frame)
            receiver.content = torch_init.event_of(machine, writer.technique, given, node, frame, writer.qualified)
        return receiver
    spec = tables.functions.get("Tensor." + name)
    if isinstance(receiver, (Param, View)) and (
        name.endswith("_") and not name.endswith("__") and (spec is None or spec.inplace or spec.role == "write")
    ):
        if name in ("requires_grad_", "share_memory_", "detach_"):
            return call_function(machine, spec, [receiver, *args], kwargs, node, frame) if spec else receiver
        if spec is not None and spec.role == "shape":
            return receiver
        return torch_init.transform(machine, receiver, name, args, node, frame)
    if spec is None:
        if name in ("new_tensor", "backward", "register_hook"):
            return Unknown(name)
        return machine.lost(f"Tensor.{name}", [receiver, *args], kwargs)
    if spec.inplace and isinstance(receiver, Tensor) and receiver.node < 0 and receiver.content is not None:
        word = {"mul_": "mul", "div_": "truediv", "add_": "add", "sub_": "sub"}.get(name)
        if word is not None:
            result = made_of_parameters(machine, word, [receiver, *args], [receiver])
            if isinstance(result, Tensor):
                receiver.content = result.content
            return receiver
    return call_function(machine, spec, [receiver, *args], kwargs, node, frame)


HANDLERS: Final[dict[str, Handler]] = {
    **{
        "operator." + word: operator_(word)
        for word in "add sub mul truediv floordiv mod pow matmul lshift rshift or and xor".split()
    },
    "operator.neg": negate,
    "operator.getitem": getitem,
}
