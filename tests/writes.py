"""Which initializer filled each tensor: every write to memory under the real torch, logged."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

Arg: TypeAlias = float | str

TORCH = os.path.dirname(torch.__file__) + os.sep
INITIALIZERS = {name: name.strip("_") for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")}
INITIALIZERS |= {"eye_": "identity", "variance_scaling_": "variance_scaling", "lecun_normal_": "lecun_normal"}
PARAMETERS = {
    INITIALIZERS[name]: dict(list(inspect.signature(getattr(nn.init, name)).parameters.items())[1:])
    for name in INITIALIZERS
    if hasattr(nn.init, name)
}
FILLS = {"normal_": "normal", "uniform_": "uniform", "fill_": "constant", "zero_": "zeros"}
POSITIONS = {"normal": ("mean", "std"), "uniform": ("a", "b"), "constant": ("val",), "zeros": ()}
MAKES = {"randn": "normal", "rand": "uniform", "zeros": "zeros", "ones": "ones", "full": "constant", "eye": "identity"}
MAKES |= {f"{name}_like": MAKES[name] for name in ("randn", "rand", "zeros", "ones", "full")}
MAKES |= {f"new_{name}": MAKES[name] for name in ("zeros", "ones", "full")}
COPIES = ("clone", "_to_copy", "lift_fresh_copy", "contiguous")


@dataclass(frozen=True, slots=True)
class Init:
    """An initializer by its canonical name, with all of its arguments; `?` is one without a name."""

    name: str
    args: tuple[tuple[str, Arg], ...] = ()

    @classmethod
    def of(cls, name: str, args: dict[str, Any]) -> Init:
        """With torch's defaults for the arguments left out; a constant 0 or 1 is `zeros` or `ones`."""
        value = args.get("val")
        if name == "constant" and value in (0, 1):
            return cls("ones" if value else "zeros")
        known = {key: parameter.default for key, parameter in PARAMETERS.get(name, {}).items()}
        known |= {key: arg for key, arg in args.items() if key in known and arg is not None}
        plain = {key: arg for key, arg in known.items() if isinstance(arg, (int, float, str))}
        numbers = {key: arg if isinstance(arg, str) else float(f"{arg:.6g}") for key, arg in plain.items()}
        return cls(name, tuple(sorted(numbers.items())))

    def scaled(self, factor: float) -> Init | None:
        """None where no argument tells the scale."""
        if self.name not in ("normal", "uniform"):
            return None
        return Init.of(self.name, {key: float(value) * factor for key, value in self.args})


def tensors_in(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_default(code: CodeType) -> bool:
    resets = code.co_name in ("reset_parameters", "_reset_parameters")
    return resets and code.co_filename.startswith(os.path.join(TORCH, "nn", "modules"))


def memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


class Writes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Logs every write to every tensor's memory: its initializer, and whether it covers all of it."""

    def __init__(self, folder: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.places = (folder, os.path.join(TORCH, "nn", "init.py"))
        self.log: dict[int, list[tuple[Init, bool]]] = {}
        self.parts: dict[int, tuple[Init, set[tuple[int, int]]]] = {}  # writes to parts alike, not yet all of it
        self.kept: list[object] = []  # memory that is freed could be given to another tensor

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = func._schema.name.split("::")[1]
        written = [
            args[i] if i < len(args) else kwargs.get(argument.name)
            for i, argument in enumerate(func._schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        ]
        if written:
            for tensor in tensors_in(written):
                self.write(name, tensor, args, kwargs)
        elif not func.is_view and name != "detach":
            for tensor in tensors_in(out):
                self.make(name, tensor, args)
        return out

    def write(self, name: str, tensor: Tensor, args: Any, kwargs: dict[str, Any]) -> None:
        self.kept.append(tensor.untyped_storage())
        whole = tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()
        log = self.log.setdefault(memory(tensor), [])
        init = self.named()
        if init is None and name in FILLS:
            title = FILLS[name]
            given = dict(zip(POSITIONS[title], args[1:]))
            init = Init.of(
                title, {**given, "a": kwargs.get("from", given.get("a")), "b": kwargs.get("to", given.get("b"))}
            )
        elif init is None and name == "copy_":
            init = self.effective(args[1])
        elif init is None and name == "cat":
            parts = {self.effective(part) for part in tensors_in(args[0])}
            init = parts.pop() if len(parts) == 1 else None
        log.append((init or Init("?"), whole and init is not None))
        if init is not None and not whole and self.completes(tensor, init):
            log.append((init, True))

    def completes(self, tensor: Tensor, init: Init) -> bool:
        """Whether this write is the last of several alike to all parts of the memory."""
        before, ranges = self.parts.pop(memory(tensor), (init, set()))
        start = int(tensor.storage_offset())
        ranges = (ranges if before == init else set()) | {(start, start + int(tensor.numel()))}
        ends = [0]
        for low, high in sorted(ranges):
            ends += [high] if low == ends[-1] else []
        if tensor.is_contiguous() and ends[-1] * tensor.element_size() == tensor.untyped_storage().nbytes():
            return True
        self.parts[memory(tensor)] = init, ranges
        return False

    def make(self, name: str, tensor: Tensor, args: Any) -> None:
        self.kept.append(tensor.untyped_storage())
        self.log.pop(memory(tensor), None)
        sources = [init for init in map(self.effective, tensors_in(args)) if init is not None]
        init = Init("?")
        if name.startswith(("empty", "new_empty")):
            return
        if name in MAKES:
            init = Init.of(MAKES[name], {"val": args[1]} if "full" in name else {})
        elif name in COPIES and sources:
            init = sources[0]
        elif name in ("mul", "div") and len(sources) == 1 and isinstance(args[1], (int, float)):
            init = sources[0].scaled(args[1] if name == "mul" else 1 / args[1]) or init
        self.log[memory(tensor)] = [(init, True)]

    def effective(self, tensor: Tensor) -> Init | None:
        """The last write that covers the tensor."""
        return next((init for init, covers in reversed(self.log.get(memory(tensor), [])) if covers), None)

    def named(self) -> Init | None:
        """The outermost function on the stack that is an initializer and is told its arguments; `default` below the
        framework's own reset."""
        found = None
        for frame in frames(sys._getframe(2)):
            code = frame.f_code
            if is_default(code):
                return Init("default")
            if code.co_name in INITIALIZERS and code.co_argcount and code.co_filename.startswith(self.places):
                names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
                wanted = PARAMETERS.get(INITIALIZERS[code.co_name], {}).keys() - {"generator"}
                if wanted and wanted.isdisjoint(names):
                    continue  # its scale is its own: what it calls says it
                found = Init.of(
                    INITIALIZERS[code.co_name], {n: frame.f_locals[n] for n in names if n in frame.f_locals}
                )
        return found
