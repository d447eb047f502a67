"""What is no way of a model's data, and what stands outside of the project: neither is guessed."""

from __future__ import annotations

from textwrap import dedent

from initlint import inspection
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


def test_a_construction_that_refuses_none_after_its_first_layers_is_begun_again() -> None:
    text = """
    class Deep(nn.Module):
        def __init__(self, depth=None):
            super().__init__()
            self.stem = nn.Linear(4, 4)
            assert all([depth is not None])
            self.body = nn.Sequential(*[nn.Linear(4, 4) for _ in range(depth)])
            for layer in (self.stem, *self.body):
                nn.init.orthogonal_(layer.weight)

        def forward(self, x):
            return self.body(self.stem(x))
    """
    assert final(text, "Deep") == {"orthogonal"}


def test_a_checkpoint_that_is_always_loaded_is_no_initializer() -> None:
    text = """
    def load(path):
        net = Net()
        nn.init.orthogonal_(net.a.weight)
        net.load_state_dict(torch.load(path))
        return net
    """
    model = read([Source("net.py", HEAD + dedent(text))], Project(lambda _: None))
    found = [row.init.name for row in inspection.rows(model, ["net.py"]) if row.init is not None]
    assert found == ["orthogonal", "default"]
