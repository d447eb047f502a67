"""What a model's layers really become: built and run under the real torch, and watched.

Every write to a tensor's memory is logged, so that the last covering one is a parameter's
initializer. Every layer's output is tainted, and the taint ends at the first activation, at
the next weighted operation (`linear`), at a product of two tensors (`attention`) or at the
model's output (`output`).
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, wraps
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

from flows import Flow, Flows, Reached
from torch import Tensor, nn
from writes import TORCH, Init, Writes, frames, tensors_in

Line: TypeAlias = tuple[str, int]  # file, first line of a call
Built: TypeAlias = tuple[nn.Module, tuple[Any, ...]]

LAYERS: tuple[type[nn.Module], ...] = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase)
LAYERS += (nn.Embedding, nn.EmbeddingBag, nn.MultiheadAttention)
KERNELS = ("weight", "weight_v", "weight_orig", "in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
ORIGINALS = (
    "parametrizations.weight.original",
    "parametrizations.weight.original1",
)  # where a parametrization keeps it
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
FOREIGN = -1  # weights whose layer is none of the example's


@dataclass(slots=True)
class Seen:
    """What the layers of one constructor call became; `bare` and `normed`: reached without, with a norm between."""

    inits: set[Init] = field(default_factory=set)
    recurrent: set[Init] = field(default_factory=set)
    activations: set[str] = field(default_factory=set)
    bare: bool = False
    normed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a layer or a raw parameter was made; `owner` is the call in the module that owns it."""

    site: Line
    owner: Line

    def __deepcopy__(self, memo: object) -> Mark:
        return self


class Weighted(NamedTuple):
    """A layer or a raw parameter, with the weights whose initializers are asked for."""

    mark: Mark
    kernels: list[nn.Parameter]
    recurrent: list[nn.Parameter]
    kind: str = "raw"  # embedding, layer, raw


@dataclass(frozen=True, slots=True)
class Recording:
    """What the layers became, by the line of their constructor call, and by the call in the owning module."""

    sites: dict[Line, Seen]
    owners: dict[Line, Seen]


@cache
def calls(path: str) -> dict[tuple[int | None, int | None], int]:
    """End of each call expression of a file -> its first line."""
    with open(path, encoding="utf-8") as handle:
        tree = ast.parse(handle.read())
    found: dict[tuple[int | None, int | None], int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            end = (node.end_lineno, node.end_col_offset)
            found[end] = min(found.get(end, node.lineno), node.lineno)
    return found


def line_of(frame: FrameType) -> Line:
    """First line of the call expression that a frame is at."""
    _, end_line, _, end_column = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    path = frame.f_code.co_filename
    return path, calls(path).get((end_line, end_column), frame.f_lineno)


def mark(module: nn.Module, folder: str) -> Mark | None:
    """The place of a layer that is being made; None for one that the framework makes inside another."""
    site: Line | None = None
    for frame in frames(sys._getframe(2)):
        code, me = frame.f_code, frame.f_locals.get("self")
        if me is module and code.co_name == "__init__":
            continue
        if site is None and code.co_filename.startswith(TORCH):
            if isinstance(me, nn.Module):
                return None
        elif code.co_filename.startswith(folder):
            site = site or line_of(frame)
            if isinstance(me, nn.Module) or code.co_name in COMPREHENSIONS:
                return Mark(site, line_of(frame))
    return Mark(site, site) if site else None


@contextmanager
def marking(folder: str) -> Iterator[None]:
    """Layers and parameters remember where they were made."""
    saved = [(layer, layer.__init__) for layer in LAYERS]
    new, copy = nn.Parameter.__new__, nn.Parameter.__deepcopy__

    def marked(original: Callable[..., None]) -> Callable[..., None]:
        @wraps(original)
        def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            self.__dict__.setdefault("_mark", mark(self, folder))
            original(self, *args, **kwargs)

        return __init__

    def made(cls: type, *args: Any, **kwargs: Any) -> Any:
        parameter: Any = new(cls, *args, **kwargs)
        frame = sys._getframe(1)
        if frame.f_code.co_filename.startswith(folder):
            parameter.__dict__["_mark"] = Mark(line_of(frame), line_of(frame))
        return parameter

    def copied(self: nn.Parameter, memo: dict[int, Any]) -> Any:
        clone: Any = copy(self, memo)  # type: ignore[no-untyped-call]
        clone.__dict__.update({"_mark": self.__dict__["_mark"]} if "_mark" in self.__dict__ else {})
        return clone

    parameter_type: Any = nn.Parameter
    try:
        for layer, original in saved:
            layer.__init__ = marked(original)  # type: ignore[method-assign]
        parameter_type.__new__, parameter_type.__deepcopy__ = staticmethod(made), copied
        yield
    finally:
        for layer, original in saved:
            layer.__init__ = original  # type: ignore[method-assign]
        parameter_type.__new__, parameter_type.__deepcopy__ = staticmethod(new), copy


def weighted(model: nn.Module) -> Iterator[Weighted]:
    """The layers and the raw matrices that the example's own code makes."""
    for module in model.modules():
        named = dict(module.named_parameters(recurse=False))
        own: list[nn.Parameter] = []
        if isinstance(module, LAYERS):
            named |= {name: p for name, p in module.named_parameters() if name in ORIGINALS}
            kernels = [p for name, p in named.items() if name in (*KERNELS, *ORIGINALS) or name.startswith("weight_ih")]
            recurrent = [p for name, p in named.items() if name.startswith("weight_hh")]
            own = [*kernels, *recurrent]
            if module.__dict__["_mark"] is not None:
                kind = "embedding" if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) else "layer"
                yield Weighted(module.__dict__["_mark"], kernels, recurrent, kind)
        for parameter in named.values():
            if "_mark" in parameter.__dict__ and parameter.ndim > 1 and not any(parameter is p for p in own):
                yield Weighted(parameter.__dict__["_mark"], [parameter], [])


def opened(value: object) -> object:
    """Records, and caches of keys and values, as what they hold."""
    if isinstance(value, (list, tuple)):
        return [opened(part) for part in value]
    if isinstance(value, dict):
        return [opened(part) for part in value.values()]
    is_object = hasattr(value, "__dict__") and not isinstance(value, (Tensor, nn.Module, type))
    return opened(vars(value)) if is_object else value


def record(load: Callable[[], Built], folder: str) -> Recording:
    """Builds the model, runs it once on its inputs, and tells what became of every layer made in the folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writes = Writes(folder)
        with marking(folder), writes:
            model, inputs = load()
            if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
                model(*inputs)  # lazy layers take their shape, and their values, in the first pass
        return watched(model, inputs, writes)


def watched(model: nn.Module, inputs: tuple[Any, ...], writes: Writes) -> Recording:
    """What a built model's layers became, and what their outputs reach."""
    sites: dict[Line, Seen] = {}
    owners: dict[Line, Seen] = {}
    layers = list(weighted(model))
    reached: dict[int, list[Reached]] = {FOREIGN: []}
    for parameter in model.parameters():
        parameter.__dict__["_flow"] = Flow(weights=frozenset({FOREIGN}))
    for key, layer in enumerate(layers):
        places = [sites.setdefault(layer.mark.site, Seen())]
        places += [owners.setdefault(layer.mark.owner, Seen())] if layer.mark.owner != layer.mark.site else []
        for seen in places:
            seen.inits |= {writes.effective(kernel) or Init("?") for kernel in layer.kernels}
            seen.recurrent |= {writes.effective(weight) or Init("?") for weight in layer.recurrent}
        for parameter in (*layer.kernels, *layer.recurrent):
            before: Flow = parameter.__dict__["_flow"]
            parameter.__dict__["_flow"] = Flow(weights=(before.weights | {key}) - {FOREIGN})
        reached[key] = [*places]
    for tensor in tensors_in(inputs):
        tensor.__dict__["_flow"] = Flow(data=True)
    flows = Flows(reached, frozenset(key for key, layer in enumerate(layers) if layer.kind == "embedding"))
    model.eval()
    with flows:
        output = model(*inputs)
    flows.consume(tensors_in(opened(output)), "output")
    for line in {layer.mark.site for layer in layers if layer.kind == "raw"}:
        if not sites[line].activations:
            del sites[line]  # tokens, scales and positions are no kernels
    return Recording(sites, owners)
