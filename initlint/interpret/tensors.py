"""Tensors as values: parameters, views of them, and data that flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from initlint.graph import History, InitEvent, Unknown
from initlint.source import Place

if TYPE_CHECKING:
    from initlint.interpret.values import Cell, Instance

ALL: tuple[float, float] = (0.0, 1.0)
BORN: Final = "born"  # key of a parameter's serial in its cell
BUFFERS: Final = frozenset({"empty", "zeros"})  # how memory for results is made


class Param:
    """A parameter: a tensor that init functions write to. Its cell holds `histories`."""

    __slots__ = (
        "cell",
        "fans",
        "leaf",
        "memory",
        "name",
        "owner",
        "place",
        "role",
        "serial",
        "shape",
        "spec_default",
        "trainable",
    )

    def __init__(self, name: str, role: str, shape: tuple[int | None, ...] | None, place: Place, serial: int) -> None:
        self.name = name
        self.role = role
        self.shape = shape
        self.place = place
        self.serial = serial
        self.owner: Instance | None = None
        self.trainable: bool | None = True
        self.leaf = True  # of torch's graph; a variable of Keras or TensorFlow is none, and nothing changes it in place
        self.memory = False
        self.spec_default = ""
        self.fans: tuple[int | None, int | None, int] | None = None  # see graph.Weight.fans
        self.cell: Cell = {"histories": ((),), BORN: serial}

    @property
    def histories(self) -> tuple[History, ...]:
        return self.cell["histories"]  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"<parameter {self.name}>"


class View:
    """Memory shared with a parameter: `.data`, `.detach()` (all of it), or a part of it.

    `rows` says which rows, as shares of all; None where it is not known, or not rows.
    """

    __slots__ = ("detached", "param", "rows", "shape", "whole")

    def __init__(
        self,
        param: Param,
        shape: tuple[int | None, ...] | None,
        *,
        whole: bool = True,
        detached: bool = True,
        rows: tuple[float, float] | None = ALL,
    ) -> None:
        self.rows = rows
        self.param = param
        self.shape = shape
        self.whole = whole
        self.detached = detached


class Tensor:
    """A tensor that flows. `node` is its place in the data flow (-1: not from the input).

    `content` says how its values came to be when it was made by a factory (torch.randn),
    `param` which parameter's values it is computed from (a copy, not a view).
    """

    __slots__ = ("base", "channels", "content", "node", "origin", "param", "partial", "shape", "torn")

    def __init__(
        self,
        node: int = -1,
        shape: tuple[int | None, ...] | None = None,
        content: InitEvent | None = None,
        param: Param | None = None,
    ) -> None:
        self.node = node
        self.shape = shape
        self.content = content
        self.param = param
        self.base: Tensor | None = None  # whose memory it shares
        self.partial = False  # a part of that
        self.channels: int | None = None  # size of the last axis, where not even the rank is known
        self.origin: tuple[InitEvent, ...] = ()  # the writes behind its values, where it is an unchanged copy
        self.torn = False  # its entries are a part of its node's, or stand in another order

    def part(self, shape: tuple[int | None, ...] | None) -> Tensor:
        """Some of its entries, in the same memory, where no data flows."""
        made = Tensor(-1, shape, self.content, self.param)
        made.base, made.partial = self.base or self, True
        return made

    def overwrite(self, content: InitEvent | None, *, partly: bool = False) -> None:
        """Take values that came to be like this (None where that is not known), all of it or a part, along with the
        tensor whose memory it shares. What it was computed from, it is no more."""
        self.content, self.origin, self.param = None if partly else content, (), None
        if self.base is not None:
            self.base.content, self.base.origin = None if partly or self.partial else content, ()
            self.base.param = None

    def fill(self, node: int) -> None:
        """Unseen code may have put data into memory that was made for it: the node's."""
        if node >= 0 > self.node and self.content is not None and self.content.name in BUFFERS:
            self.node = node

    def rearranged(self) -> Tensor:
        """The same data as a part, or in another order."""
        if self.node < 0 or self.torn:
            return self
        made = Tensor(self.node, self.shape if self.channels is None else None, self.content, self.param)
        made.torn, made.channels = True, self.channels
        return made

    def __repr__(self) -> str:
        return f"<tensor {self.node}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Unknown):
    """What `x > 0` gives for data: unknown, but a function that selects by it is known. `above` says that it holds
    above the bound; as a number it is `factor` where it holds, else 0."""

    tested: Tensor
    above: bool
    bound: float
    factor: float = 1.0
