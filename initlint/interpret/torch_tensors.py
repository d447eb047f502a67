"""Tensors: what operators, functions and methods do to data that flows and to parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from initlint.graph import InitEvent, Unknown
from initlint.interpret import selections, torch_init, torch_laws
from initlint.interpret.contractions import contracted, fans_of_use
from initlint.interpret.evaluate import BINARY, binary
from initlint.interpret.machine import Arguments, Fans, Handler, Keywords, Machine
from initlint.interpret.pieces import rows_of, sliced
from initlint.interpret.sequences import GETITEM
from initlint.interpret.tensors import Comparison, Param, Tensor, View
from initlint.interpret.values import Alternatives, DictValue, Frame, Instance, ListValue, Value

Shape = tuple[int | None, ...] | None


def tensors_in(machine: Machine, values: Sequence[Value], within: tuple[Value, ...] = ()) -> Iterator[Tensor]:
    """All tensors in arguments, nested ones too; parameters as tensors computed from them. `within`: the lists and
    dictionaries around them, which may stand in what they hold."""
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
            yield from tensors_in(machine, value, within)
        elif isinstance(value, (ListValue, DictValue)):
            if not any(value is one for one in within):
                items = value.items if isinstance(value, ListValue) else list(value.cell.values())
                yield from tensors_in(machine, items, (*within, value))
        elif isinstance(value, Alternatives):
            found = list(tensors_in(machine, value.options, within))
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


def use_weight(
    machine: Machine, inputs: list[Tensor], weight: Value, node: ast.AST, kind: str, fans: Fans | None = None
) -> Tensor:
    """A weighted step by a function: F.linear(x, weight), x @ weight, einsum(..., weight)."""
    param = weight if isinstance(weight, Param) else getattr(weight, "param", None)
    if isinstance(weight, Alternatives):
        return as_tensor(machine, machine.each(weight, lambda one: use_weight(machine, inputs, one, node, kind, fans)))
    if not isinstance(param, Param):
        data = [*inputs, *tensors_in(machine, [weight])]
        return machine.flow("layer" if isinstance(weight, Unknown) else "matmul", data, kind, node)
    ids = tuple(dict.fromkeys(t.node for t in inputs if t.node >= 0))
    made = machine.emit("layer", ids, kind, node)
    machine.node_layers[made] = layer_of(param)
    used = fans or fans_of_use(kind, getattr(weight, "shape", None))
    machine.matrices.setdefault(id(param), {})[used] = None
    if isinstance(weight, Tensor) and not weight.origin:  # computed from it: how large it is now is not known
        return machine.flow("scale", [Tensor(made)], "mul", node)
    return Tensor(made)


def layer_of(param: Param) -> Instance | Param:
    """The layer that a parameter belongs to, or the parameter itself where it is a raw one."""
    owner = param.owner
    role = owner.spec.role if owner is not None and owner.spec is not None else ""
    layer = role in ("weighted", "embedding", "recurrent", "attention")
    return owner if owner and layer and param.role in ("kernel", "embedding", "recurrent") else param


# -- operators ----------------------------------------------------------------------------


OPERATORS: Final = {word: kind for kind, (word, _) in BINARY.items()}


def operator_(word: str) -> Handler:
    def run(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if len(args) == 2 and not any(isinstance(value, (Tensor, Param, View)) for value in args):
            return binary(machine, OPERATORS[word], args[0], args[1], node, frame)  # operator.add itself
        if word == "matmul":
            return product(machine, args, node)
        found = list(tensors_in(machine, args))
        data = [t for t in found if t.node >= 0]
        if word in ("or", "and", "xor", "lshift", "rshift"):
            return Unknown("a mask")
        if not data:
            return made_of_parameters(machine, word, args, found)
        if len(data) == 2:
            return carried(machine.flow({"add": "add", "sub": "add"}.get(word, "mul"), data, word, node), data)
        if any(isinstance(value, Comparison) for value in args) and word == "mul":  # x * (x > 0)
            test, other = args if isinstance(args[0], Comparison) else args[::-1]
            return selections.masked(machine, test, other, node) or machine.flow("scale", data, word, node)
        if any(t.param is not None for t in found) or word not in ("add", "sub"):
            number, reversed_ = number_beside(args)
            if word in ("add", "sub"):  # a bias
                known = number is not None
                name = ("rsub" if reversed_ and word == "sub" else word) if known else "bias"
                shifted_ = machine.flow("shift", data, name, node, number)
                note_factor(machine, shifted_, args)
                return shifted_
            factor = 1 / number if word == "truediv" and number and not reversed_ else number
            own = any(t.param is not None for t in found)
            name = "parameter" if own and (number is None or word in ("mul", "truediv")) else word
            if reversed_ and word in ("truediv", "pow"):
                name = f"r{word}"
            scaled = carried(machine.flow("scale", data[:1], name, node, factor), data[:1])
            if own and word in ("mul", "truediv"):
                note_factor(machine, scaled, args)
            return scaled
        number, reversed_ = number_beside(args)
        if number == 0:
            return data[0]
        return machine.flow("shift", data, "rsub" if reversed_ and word == "sub" else word, node, number)

    return run


def number_beside(args: Arguments) -> tuple[float | None, bool]:
    """The number that a tensor is computed with (a parameter's initial one), and whether it matters that it stands on
    the left."""
    for position, value in enumerate(args):
        if not (isinstance(value, Tensor) and value.node >= 0):
            number = selections.constant_of(value)
            if number is not None:
                return number, position == 0
    return None, False


def carried(result: Tensor, data: Sequence[Tensor]) -> Tensor:
    """The result with the shape of what it is made of, where that is followed (Keras)."""
    first = max(data, key=lambda t: len(t.shape or ()))
    if first.channels is not None and all(t.channels in (first.channels, 1) for t in data):
        result.shape, result.channels = first.shape, first.channels
    return result


def note_factor(machine: Machine, scaled: Tensor, args: Arguments) -> None:
    """Which raw parameter the data is multiplied with, where it is the parameter's own values."""
    for value in args:
        param = value.param if isinstance(value, View) else value
        if isinstance(value, Tensor) and value.origin:
            param = value.param
        if isinstance(param, Param) and layer_of(param) is param:
            machine.factors[scaled.node] = param


def made_of_parameters(machine: Machine, word: str, args: Arguments, found: list[Tensor]) -> Value:
    """Arithmetic on parameters or on freshly made tensors, away from the data."""
    tensor = next((t for t in found if t.content is not None), None)
    number = next((a for a in args if isinstance(a, (int, float))), None)
    if tensor is not None and tensor.content is not None and len(found) == 1 and number is not None:
        content = tensor.content
        changed = None
        if word == "mul":
            changed = torch_laws.scaled(content, number)
        elif word == "truediv" and number and args[0] is tensor:
            changed = torch_laws.scaled(content, 1 / number)
        elif word in ("add", "sub"):
            changed = shifted(content, number if word == "add" else -number)
        if changed is not None:
            name = str(changed.pop("name"))
            values = tuple((key, torch_init.scalar(value)) for key, value in changed.items())
            event = InitEvent(name, values, content.place, content.spelling, True, function=content.function)
            return Tensor(shape=tensor.shape, content=event)
    shape = tensor.shape if tensor is not None else None
    params = [t.param for t in found if t.param is not None]
    content_now = (
        InitEvent("unknown", (("why", f"arithmetic ({word})"),), explicit=True) if tensor is not None else None
    )
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
    if isinstance(value, Tensor) and value.node >= 0:
        return machine.flow("scale", [value], "mul", node, -1.0)
    return value if isinstance(value, Tensor) else Tensor(param=getattr(value, "param", value))  # type: ignore[arg-type]


def is_weight(value: Value) -> bool:
    return isinstance(value, (Param, View))


def product(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    """Matrix products: of data with a weight, of data with data (attention), of weights."""
    either = [
        at for at, value in enumerate(args) if isinstance(value, Alternatives) and any(map(is_weight, value.options))
    ]
    if either:
        at = either[0]
        return machine.each(args[at], lambda one: product(machine, [*args[:at], one, *args[at + 1 :]], node))
    found = list(tensors_in(machine, args))
    data = [t for t in found if t.node >= 0]
    weights = [t for t in found if t.node < 0 and t.param is not None]
    if data and weights:
        result = data
        themselves = [value for value in args if isinstance(value, (Param, View))]
        for weight, fans in contracted(args, found, weights):
            own = next((v for v in themselves if getattr(v, "param", v) is weight.param), weight)
            # h @ embedding.weight.T is what F.linear does
            turned = weight.param is not None and weight.param.role == "embedding" and fans[::-1] == weight.param.shape
            result = [use_weight(machine, result, own, node, "linear" if turned else "matmul", fans)]
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
        elif node.op in ("dropout", "scale", "shift", "either", "mul", "add", "layer"):  # a layer: talking heads
            stack.extend(node.inputs if node.op != "layer" or index == start else ())
    return False


def getitem(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`tensor[key]`."""
    value, key = args
    whole = takes_all(key)
    if isinstance(value, Tensor):
        if value.node >= 0:
            return value.rearranged()
        return value if whole else value.part(part_shape(value.shape, key))
    assert isinstance(value, (Param, View))
    param, shape = (value.param, value.shape) if isinstance(value, View) else (value, value.shape)
    detached = value.detached if isinstance(value, View) else False
    before = value.whole if isinstance(value, View) else True
    if whole:
        return View(param, shape, whole=before, detached=detached, rows=rows_of(value))
    rows = sliced(rows_of(value), shape[0] if shape else None, key)
    return View(param, part_shape(shape, key), whole=False, detached=detached, rows=rows)


def setitem(owner: Tensor, key: Value, value: Value) -> None:
    """`tensor[key] = value` where no data flows: what was known of all its values holds for a part of them only."""
    if owner.content is not None and owner.content.name == "zeros" and value == 0:
        return
    owner.overwrite(value.content if isinstance(value, Tensor) else None, partly=not takes_all(key))


def takes_all(key: Value) -> bool:
    """Whether `tensor[key]` is all of the tensor."""
    return key == slice(None, None, None) or key is Ellipsis


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
            result.append(len(range(*part.indices(size))) if size is not None and part.step != 0 else None)
    return (*result, *shape[len(keys) :])


HANDLERS: Final[dict[str, Handler]] = {
    **{
        "operator." + word: operator_(word)
        for word in "add sub mul truediv floordiv mod pow matmul lshift rshift or and xor".split()
    },
    "operator.neg": negate,
    GETITEM: getitem,
}
