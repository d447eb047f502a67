"""What is no way of a model's data, and what stands outside of the project: neither is guessed."""

from __future__ import annotations

from textwrap import dedent

from initlint.interpret import read
from initlint.interpret.project import Project
from initlint.source import Source

HEAD = """\
import sys
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.b = nn.Linear(8, 2)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))

"""


def final(text: str, entry: str) -> set[str]:
    """The initializers that the layers of an entry end with."""
    contexts = read([Source("net.py", HEAD + dedent(text))], Project(lambda _: None)).contexts
    layers = next(context for context in contexts if context.entry == entry).layers
    return {e.name for layer in layers for w in layer.weights if w.name == "weight" for e in w.effective() if e}


def test_methods_of_the_framework_that_are_overridden_take_no_data() -> None:
    text = """
    class Picky(Net):
        def __init__(self):
            super().__init__()
            self.spare = nn.Linear(4, 4)
            nn.init.orthogonal_(self.spare.weight)

        def load_state_dict(self, state_dict, **options):
            self.spare.weight.data = state_dict.pop("spare")
            super().load_state_dict(state_dict, **options)
    """
    assert final(text, "Picky") == {"default", "orthogonal"}


def test_an_outside_object_may_be_anything() -> None:
    text = """
    def build():
        table = sys.modules["net"].table
        assert isinstance(table, dict)
        net = Net()
        for layer in (net.a, net.b):
            nn.init.orthogonal_(layer.weight)
        return net
    """
    assert final(text, "build") == {"orthogonal"}
