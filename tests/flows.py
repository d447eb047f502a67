"""What each layer's output reaches first: a forward pass under the real torch, tainted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor
from torch.overrides import TorchFunctionMode
from writes import tensors_in

RECTIFIERS = {
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "rrelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "hardswish",
}
OTHERS = {
    "hardsigmoid",
    "hardtanh",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "softshrink",
    "hardshrink",
    "tanhshrink",
    "threshold",
    "log_sigmoid",
    "logsigmoid",
    "glu",
    "softmax",
    "log_softmax",
    "softmin",
    "exp",
}
ACTIVATIONS = frozenset(RECTIFIERS | OTHERS)
SAME_ACTIVATION = {"log_sigmoid": "logsigmoid"}
NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"})
WEIGHT_AT = {"linear": 1, "embedding": 1, "embedding_bag": 1, "bilinear": 2}
WEIGHT_AT |= {f"{name}{rank}d": 1 for name in ("conv", "conv_transpose") for rank in (1, 2, 3)}
CELLS = frozenset(f"{kind}{end}" for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu") for end in ("", "_cell"))
PRODUCTS = frozenset({"matmul", "mm", "bmm", "addmm", "baddbmm", "mv", "einsum", "__matmul__", "__rmatmul__"})


class Reached(Protocol):
    """`bare` and `normed`: reached without, with a norm between."""

    activations: set[str]
    bare: bool
    normed: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """What a tensor carries: the layers that reached it, each with whether through a norm; whether it comes
    from the input; and, if not, which layers' weights it is made of."""

    taint: frozenset[tuple[int, bool]] = frozenset()
    data: bool = False
    weights: frozenset[int] = frozenset()


def flow(value: object) -> Flow:
    found = value.__dict__.get("_flow") if isinstance(value, Tensor) else None
    return found if isinstance(found, Flow) else Flow()


class Flows(TorchFunctionMode):
    """Follows each layer's output to what consumes it."""

    def __init__(self, seen: dict[int, list[Reached]], embeddings: frozenset[int]) -> None:
        super().__init__()
        self.seen = seen
        self.embeddings = embeddings

    def consume(self, values: Iterable[Tensor], by: str) -> None:
        for key, normed in {pair for value in values for pair in flow(value).taint}:
            for seen in self.seen[key]:
                seen.activations.add(by)
                seen.normed |= normed
                seen.bare |= not normed

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        dunder = func.__name__.startswith("__")
        name = func.__name__ if dunder else func.__name__.rstrip("_")
        operands = [*tensors_in(args), *tensors_in(kwargs)]
        after = self.after(name, args, kwargs, operands)
        out = func(*args, **kwargs)
        for tensor in [args[0]] if name == "__setitem__" else tensors_in(out):
            exact = not (tensor.is_floating_point() or tensor.is_complex())
            tensor.__dict__["_flow"] = Flow(data=after.data) if exact else after
        return out

    def after(self, name: str, args: Any, kwargs: dict[str, Any], operands: list[Tensor]) -> Flow:
        """What the result carries; whatever ends here is consumed."""
        flows = [flow(operand) for operand in operands]
        data = any(f.data for f in flows)
        inputs = [operand for operand in operands if flow(operand).data]
        weights = frozenset[int]().union(*(f.weights for f in flows if not f.data))
        if name in ACTIVATIONS:
            bounds = (*args[1:3], *kwargs.values())
            same = "relu6" if name == "hardtanh" and bounds[:2] == (0.0, 6.0) else SAME_ACTIVATION.get(name, name)
            self.consume(operands[:1], same)
            return Flow(data=data)
        if name in WEIGHT_AT:
            weight = args[WEIGHT_AT[name]] if len(args) > WEIGHT_AT[name] else kwargs["weight"]
            self.consume(operands[: WEIGHT_AT[name]], "linear")
            return self.layers(name, flow(weight).weights)
        if name in CELLS or (name in PRODUCTS and weights and inputs):
            self.consume(inputs, "linear")
            return self.layers(name, weights)
        if name == "multi_head_attention_forward":
            self.consume(operands[:3], "linear")
            return self.layers(name, weights)
        if name == "scaled_dot_product_attention" or (name in PRODUCTS and len(inputs) > 1):
            self.consume(inputs, "attention")
            return Flow(data=True)
        taint = frozenset[tuple[int, bool]]().union(*(f.taint for f in flows))
        if name in NORMS or name == "normalize":
            taint = frozenset((key, True) for key, _ in flows[0].taint)
        return Flow(taint, data, frozenset() if data else weights)

    def layers(self, name: str, weights: frozenset[int]) -> Flow:
        """The output of the layers with these weights; a tied weight is the layer's whose operation this is."""
        own = weights & self.embeddings if name.startswith("embedding") else weights - self.embeddings
        return Flow(frozenset((key, False) for key in own or weights), data=True)
