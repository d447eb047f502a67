"""What torch's callables do to values: the dispatch over the tables in `rules/`."""

from __future__ import annotations

import ast
import re
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import (
    callable_kinds,
    late_fills,
    layer_fillers,
    parametrizations,
    pretrained,
    torch_fans,
    torch_functions,
    torch_init,
    torch_layers,
    torch_modules,
    torch_tensors,
    torch_wrappers,
)
from initlint.interpret.initializer_names import INITIALIZERS, note_targets
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.values import (
    DictValue,
    Frame,
    Instance,
    ListValue,
    Native,
    Symbol,
    Value,
    flatten,
)

# Outside functions with such names may write to the parameters of what they are given.
WRITERS: Final = re.compile(
    r"init|fill|weight|reset|xavier|kaiming|glorot|load|pretrain|restore|convert|quant|prune|setup"
)
SYMBOLS: Final[dict[str, Handler]] = {
    **torch_fans.HANDLERS,
    **torch_wrappers.HANDLERS,
    **parametrizations.HANDLERS,
    **torch_tensors.HANDLERS,
}


def call_known(
    machine: Machine, callee: Symbol, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A call of something outside the project that has no handler of its own."""
    tables = machine.knowledge
    qualified = callee.qualified
    if "out" in kwargs and qualified.startswith("torch."):
        others = {name: value for name, value in kwargs.items() if name != "out"}
        made = call_known(machine, callee, args, others, node, frame)
        return torch_init.write_out(machine, kwargs["out"], made, node, frame) if kwargs["out"] is not None else made
    layer = tables.layers.get(qualified)
    if layer is not None and layer.role != "module":
        return torch_layers.construct_layer(machine, layer, args, kwargs, node, frame)
    if layer is not None and not args and not kwargs:  # nn.Module(): it is given its parts as attributes
        return torch_layers.bare_module(machine, layer, node, frame)
    initializer = tables.initializers.get(qualified)
    if initializer is not None and not qualified.startswith("Tensor."):
        known = layer_fillers.fill if initializer.of_layer else torch_init.initialize
        return known(machine, initializer, args, kwargs, node, frame)
    function = tables.functions.get(qualified)
    if function is not None:
        return torch_functions.call_function(machine, function, args, kwargs, node, frame)
    if qualified.startswith("torch.Tensor."):
        return (
            machine.call(machine.attribute(args[0], callee.name, node, frame), args[1:], kwargs, node, frame)
            if args
            else Unknown(qualified)
        )
    owner = qualified.rpartition(".")[0]
    if args and owner in tables.layers and isinstance(args[0], Instance):  # nn.Module.__init__(self)
        return torch_modules.call_native(machine, args[0], callee.name, args[1:], kwargs, node, frame)
    if qualified.startswith("builtins."):
        return Unknown(callee.name)
    if pretrained.brings_weights(qualified, kwargs):
        return pretrained.make(machine, qualified, node, frame)
    if owner == INITIALIZERS:
        note_targets(machine, callee.name, [*args, *kwargs.values()][:1])
    return outside(machine, callee, args, kwargs, node, frame)


def outside(machine: Machine, callee: Symbol, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """Code that we don't see. Only what is named like a writer may have changed parameters, and what is called for its
    effect may have filled those without values."""
    qualified = callee.qualified
    if not qualified.startswith("torch."):
        if WRITERS.search(callee.name.lower()):
            return machine.lost(qualified, args, kwargs)
        if node is machine.alone:
            late_fills.may_fill(machine, (*args, *kwargs.values()), qualified)
    tensors: Arguments = [v for v in flatten((*args, *kwargs.values())) if isinstance(v, Tensor)]
    if any(isinstance(tensor, Tensor) and tensor.node >= 0 for tensor in tensors):
        return machine.lost(qualified, tensors)
    return Unknown(f"{qualified} is outside the project")


def is_value_kind(value: Value, kinds: Value) -> bool | None:
    """`isinstance` for values that are no objects of classes."""
    if not isinstance(kinds, Symbol) or isinstance(value, Unknown):
        return None
    name = kinds.name
    if isinstance(value, (Tensor, Param, View)):
        if name in ("Tensor", "FloatTensor"):
            return True
        if name == "Parameter":
            return isinstance(value, Param)
        if kinds.qualified.startswith("builtins.") and isinstance(value, Tensor) and value.node >= 0:
            return None if name in ("list", "tuple", "dict") else False
        return False if kinds.qualified.startswith("builtins.") else None
    if isinstance(value, ListValue):
        return name == value.kind or name in LIST_KINDS
    if isinstance(value, DictValue):
        return name in DICT_KINDS
    if name == "object":
        return True
    if isinstance(value, callable_kinds.CALLABLE) and kinds.qualified not in PLAIN:
        return callable_kinds.is_kind(value, kinds.qualified)
    for kind, names in KINDS:
        if isinstance(value, kind):
            return name in names
    return False if kinds.qualified in PLAIN else None


COLLECTION: Final = ("Collection", "Sized", "Iterable", "Container")
SEQUENCE: Final = ("Sequence", "Reversible", *COLLECTION)
LIST_KINDS: Final = frozenset({"Sequence", "List", "object", "MutableSequence", "Reversible", *COLLECTION})
DICT_KINDS: Final = frozenset(
    {"dict", "Mapping", "MutableMapping", "OrderedDict", "Dict", "Reversible", "object", *COLLECTION}
)
REAL: Final = ("Number", "Complex", "Real", "Hashable")
INTEGRAL: Final = ("int", "Rational", "Integral", *REAL)
KINDS: Final[tuple[tuple[type, tuple[str, ...]], ...]] = (
    (bool, ("bool", *INTEGRAL)),
    (int, ("integer", *INTEGRAL)),
    (float, ("float", *REAL)),
    (str, ("str", "Hashable", *SEQUENCE)),
    (bytes, ("bytes", "ByteString", "Buffer", "Hashable", *SEQUENCE)),
    (tuple, ("tuple", "Tuple", "Hashable", *SEQUENCE)),
    (range, ("range", "Hashable", *SEQUENCE)),
    (type(None), ("NoneType", "Hashable")),
    (Native, ("Callable", "FunctionType", "Hashable")),
)
PLAIN: Final = frozenset(
    {
        "builtins.int",
        "builtins.str",
        "builtins.float",
        "builtins.list",
        "builtins.tuple",
        "builtins.dict",
        "torch.nn.Module",
    }
)
