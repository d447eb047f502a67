"""Layers whose attribute was given another module: replaced where nothing holds them, and silent beside those of the
same call that models keep."""

from __future__ import annotations

import pytest
from scenes import HEAD, by_entry, model

from initlint.inspection import rows

HEADS = """
class Wide(Net):
    def __init__(self, flag=None):
        super().__init__()
        {}
"""


def replaced(body: str) -> dict[int, bool]:
    """Whether the layers of Net are replaced in Wide, by their lines."""
    text = HEADS.format(body.replace("\n", "\n        "))
    last = HEAD.count("\n")
    return {
        layer.place.span.start.line: layer.replaced
        for layer in by_entry(text)["Wide"].layers
        if layer.place.span.start.line <= last
    }


@pytest.mark.parametrize(
    "body",
    [
        "self.b = nn.Linear(8, 4)",
        "self.b = nn.Identity()",
        "setattr(self, 'b', nn.Linear(8, 4))",
        "self.b = nn.Linear(8, 4)\nself.b = nn.Linear(8, 6)",
        "self.b = None",
        "del self.b",
        "delattr(self, 'b')",
    ],
)
def test_a_layer_whose_attribute_another_module_has_is_replaced(body: str) -> None:
    assert replaced(body) == {8: False, 9: True}


@pytest.mark.parametrize(
    "body",
    [
        "self.b = nn.Sequential(self.b, nn.Tanh())",
        "self.kept = [self.b]\nself.b = nn.Identity()",
        "self.kept = {'b': self.b}\nself.b = nn.Identity()",
        "old = self.b\nself.call = lambda x: old(x)\nself.b = nn.Identity()",
        "self.call = self.b.forward\nself.b = nn.Identity()",
        "self.matrix = self.b.weight\nself.b = nn.Identity()",
        "self.c = self.b\nself.b = nn.Linear(8, 4)",
        "if flag:\n    self.b = nn.Linear(8, 4)",
        "if flag:\n    self.b = None",
        "self.c = self.b\nself.b = None",
        "self.kept = [self.b]\ndel self.b",
        "self.b = foreign(self.b)",
        "self.b = self.b",
    ],
)
def test_a_layer_that_something_still_holds_is_not_replaced(body: str) -> None:
    assert replaced(body) == {8: False, 9: False}


def test_what_was_lent_to_a_replaced_module_is_not_replaced() -> None:
    text = """
    class Part(nn.Module):
        def __init__(self, whole):
            super().__init__()
            self.whole = [whole]
            self.c = nn.Linear(4, 4)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4)
            self.part = Part(self)
            self.part = nn.Linear(4, 4)
    """
    kept = {layer.name: layer.replaced for layer in by_entry(text)["Whole"].layers}
    assert kept["Whole.a"] is False
    assert kept["Whole.part"] is False
    assert sum(kept.values()) == 1


def test_the_rows_are_about_what_models_keep() -> None:
    text = """
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Linear(8, 2)

    class Base(Net):
        def __init__(self):
            super().__init__()
            self.b = Half()

    class Wide(Base):
        def __init__(self):
            super().__init__()
            self.b = Half()
            self.a = nn.Linear(4, 8)
            self.apply(init)
    """
    found = {row.place.span.start.line: row.init and row.init.name for row in rows(model(text), ["net.py"])}
    assert found[HEAD.count("\n") + 5] == "orthogonal"
    assert found[8] == "default"  # Net's own: none that a call there made is kept
