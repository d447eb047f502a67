"""A small network, and what the interpreter makes of code that is written under it."""

from __future__ import annotations

from textwrap import dedent

from initlint.graph import Context, Model
from initlint.interpret import read
from initlint.interpret.project import Project
from initlint.source import Source

HEAD = """\
import contextlib
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.b = nn.Linear(8, 2)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))

def init(m):
    if isinstance(m, nn.Linear):
        nn.init.orthogonal_(m.weight)

"""


def model(text: str) -> Model:
    return read([Source("net.py", HEAD + dedent(text))], Project(lambda _: None))


def by_entry(text: str) -> dict[str, Context]:
    return {context.entry: context for context in model(text).contexts}


def final(context: Context) -> set[str]:
    return {e.name for one in context.layers for w in one.weights if w.name == "weight" for e in w.effective() if e}
