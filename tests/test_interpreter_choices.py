"""What is one of several: which class is built, which blocks a loop goes through, what an object is an instance of."""

from __future__ import annotations

import pytest
import torch
from scenes import by_entry, final


def test_a_class_that_only_an_annotation_names_is_shown_by_itself() -> None:
    text = """
    class Pipeline:
        def __init__(self, net: Net):
            self.net = net

    def encode(net: Net, images: torch.Tensor, scale: float = 1.0):
        return torch.tanh(net.a(images)) * scale
    """
    assert set(by_entry(text)) == {"Net"}


@pytest.mark.parametrize(
    "loop",
    [
        "for block in self.blocks:\n            x = block(x)",
        "for index, block in enumerate(self.blocks):\n            x = block(x)",
        "for index in range(len(self.blocks)):\n            x = self.blocks[index](x)",
    ],
)
def test_blocks_of_one_kind_or_another_are_all_gone_through(loop: str) -> None:
    text = f"""
    class Tanh(Net):
        def forward(self, x):
            return self.b(torch.tanh(self.a(x)))

    class Stack(nn.Module):
        def __init__(self, kind, depth):
            super().__init__()
            if kind == "relu":
                self.blocks = nn.ModuleList([Net() for _ in range(depth)])
            else:
                self.blocks = nn.ModuleList([Tanh() for _ in range(depth)])

        def forward(self, x):
            {loop.replace("        ", "            ")}
            return x
    """
    stack = by_entry(text)["Stack"]
    reached: dict[str, set[str]] = {}
    for layer in stack.layers:
        reached.setdefault(layer.name, set()).update(layer.activations or ())
    assert reached["Net.a"] == {"relu"}
    assert reached["Tanh.a"] == {"tanh"}
    assert reached["Net.b"] == reached["Tanh.b"] == {"linear", "output"}


def test_layers_of_a_class_that_was_chosen_are_instances_of_it() -> None:
    text = """
    class Choice(nn.Module):
        def __init__(self, dim):
            super().__init__()
            kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dim - 1]
            self.conv = kind(3, 4, 3)
            self.head = nn.Linear(4, 2)
            for m in self.modules():
                if isinstance(m, kind):
                    nn.init.orthogonal_(m.weight)

        def forward(self, x):
            return self.head(torch.relu(self.conv(x)))
    """
    ends = {
        layer.kind: {event.name for event in layer.weights[0].effective() if event}
        for layer in by_entry(text)["Choice"].layers
    }
    convolutions = {kind: {"orthogonal"} for kind in ("Conv1d", "Conv2d", "Conv3d")}
    assert ends == {**convolutions, "Linear": {"default"}}


@pytest.mark.parametrize(
    "test, holds",
    [
        ("isinstance(Mode.FAST, Hashable)", True),
        ("isinstance(Thing(), Callable)", True),
        ("isinstance(Thing(), Iterable)", False),
        ("isinstance(Thing(), (Sized, Container))", True),
        ("isinstance(Empty(), Callable)", True),
        ("isinstance(Empty(), Iterable)", False),
        ("isinstance(nn.ReLU(), kinds)", False),
    ],
)
def test_methods_tell_what_is_an_instance_of_an_abstract_class(test: str, holds: bool) -> None:
    text = f"""
    from collections.abc import Callable, Container, Hashable, Iterable, Sized
    from enum import Enum

    class Empty(nn.Module):
        pass

    class Mode(Enum):
        FAST = "fast"

    class Thing:
        def __call__(self):
            return 1

        def __len__(self):
            return 2

    def main(flag):
        kinds = nn.Conv1d if flag else nn.Conv2d
        net = Net()
        nn.init.orthogonal_(net.a.weight)
        if {test}:
            nn.init.orthogonal_(net.b.weight)
        return net
    """
    assert final(by_entry(text)["main"]) == ({"orthogonal"} if holds else {"orthogonal", "default"})


@pytest.mark.parametrize(
    "freeze, ends",
    [("pass", {"orthogonal"}), ("net.a.weight.requires_grad_(False)", {"orthogonal", "default"})],
)
def test_a_parameter_with_a_gradient_is_floating(freeze: str, ends: set[str]) -> None:
    text = f"""
    def main():
        net = Net()
        {freeze}
        nn.init.orthogonal_(net.b.weight)
        if net.a.weight.is_floating_point():
            nn.init.orthogonal_(net.a.weight)
        return net
    """
    assert final(by_entry(text)["main"]) == ends
    assert all(parameter.is_floating_point() for parameter in torch.nn.Linear(2, 2).parameters())


@pytest.mark.parametrize(
    "made, empty",
    [
        ("nn.ModuleList()", True),
        ("nn.ModuleList([])", True),
        ("nn.ModuleList([nn.ReLU() for _ in range(0)])", True),
        ("nn.ModuleDict()", True),
        ("nn.ModuleList(unknown)", None),
        ("nn.ModuleList([m for m in unknown if m])", None),
        ("nn.ModuleList().extend(unknown)", None),
        ("nn.ModuleList([nn.ReLU()])", False),
    ],
)
def test_a_container_is_empty_where_nothing_can_be_in_it(made: str, empty: bool | None) -> None:
    text = f"""
    def main(unknown):
        net = Net()
        nn.init.orthogonal_(net.a.weight)
        nn.init.orthogonal_(net.b.weight)
        if len({made}) == 0:
            nn.init.zeros_(net.a.weight)
        return net
    """
    ends = {True: {"zeros", "orthogonal"}, False: {"orthogonal"}, None: {"zeros", "orthogonal"}}
    context = by_entry(text)["main"]
    assert final(context) == ends[empty]
    first = {e.name for e in context.layers[0].weights[0].effective() if e}
    assert first == {True: {"zeros"}, False: {"orthogonal"}, None: {"zeros", "orthogonal"}}[empty]


@pytest.mark.parametrize("look", ["TABLE[kind]()", "TABLE.get(kind)()"])
def test_an_activation_by_a_name_that_is_not_known_is_not_known(look: str) -> None:
    text = f"""
    TABLE = {{"relu": nn.ReLU, "tanh": nn.Tanh}}

    class Chosen(nn.Module):
        def __init__(self, kind, other="tanh"):
            super().__init__()
            self.one, self.two, self.three = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
            self.act = {look}
            kind = other
            self.told = {look}

        def forward(self, x):
            return self.three(self.told(self.two(self.act(self.one(x)))))
    """
    one, two, three = by_entry(text)["Chosen"].layers
    assert one.activations in (None, ())
    assert (two.activations, three.activations) == (("tanh",), ("output",))


@pytest.mark.parametrize("held", ["nn.Sequential({})", "nn.Sequential(*[{}])", "nn.ModuleList([{}])"])
def test_what_is_not_known_in_a_container_is_gone_through(held: str) -> None:
    text = f"""
    class Chosen(nn.Module):
        def __init__(self, act):
            super().__init__()
            self.steps = {held.format("nn.Linear(4, 4), act(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)")}

        def forward(self, x):
            for step in self.steps:
                x = step(x)
            return x
    """
    one, two, three = by_entry(text)["Chosen"].layers
    assert one.activations in (None, ())
    assert (two.activations, three.activations) == (("tanh",), ("output",))


@pytest.mark.parametrize(
    "product", ["F.linear(x, self.w)", "torch.matmul(x, self.w)", "x @ self.w", "torch.einsum('bi,io->bo', x, self.w)"]
)
def test_a_weight_that_was_made_in_one_way_or_another_ends_the_way_of_data(product: str) -> None:
    text = f"""
    import torch.nn.functional as F

    class Either(nn.Module):
        def __init__(self, zero):
            super().__init__()
            self.a = nn.Linear(4, 4)
            self.w = nn.Parameter(torch.zeros(4, 4)) if zero else nn.Parameter(torch.ones(4, 4))

        def forward(self, x):
            x = self.a(x)
            return torch.relu({product})
    """
    told = {(one.name, one.activations) for one in by_entry(text)["Either"].layers}
    assert told == {("Either.a", ("linear",)), ("Either.w", ("relu",))}
