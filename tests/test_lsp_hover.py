"""Hovers: what is understood of a layer, where it is made, initialized and used."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from editing import Editor, editing, place
from lsprotocol import types
from pytest_lsp import client_capabilities

pytestmark = pytest.mark.asyncio(loop_scope="module")

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.conv = nn.Conv2d(16, 32, 3)
        self.norm = nn.BatchNorm2d(32)
        self.head = nn.Linear(32, 10)
        self.some = nn.Linear(widths[0], 10)
        self.memory = nn.LSTM(10, 20)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        y, _ = self.memory(self.some(x))
        return self.head(x.mean((2, 3))), y
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    async with editing(tmp_path_factory.mktemp("hover")) as one:
        yield one


async def shown(editor: Editor, part: str, occurrence: int = 0) -> tuple[str, types.Range | None]:
    uri = editor.open("net.py", NET)
    where = place(NET, part, occurrence=occurrence).start
    found = await editor.hover(uri, where.line, where.character + 1)
    assert found is not None
    assert isinstance(found.contents, types.MarkupContent)
    return found.contents.value, found.range


CONV = """\
**Net.conv** `Conv2d`, fan_in 144, fan_out 288

- initializer: `kaiming_normal(mode=fan_out, nonlinearity=relu) at line 13`, std 0.0833
- feeds: norm, then relu"""


async def test_where_a_layer_is_made(editor: Editor) -> None:
    """Fans, effective initializer, the standard deviation that it gives (sqrt(2 / 288)), what the layer feeds."""
    assert await shown(editor, "nn.Conv2d") == (CONV, place(NET, "nn.Conv2d(16, 32, 3)"))


async def test_where_a_layer_is_initialized(editor: Editor) -> None:
    text, where = await shown(editor, "nn.init.kaiming_normal_")
    assert text == CONV
    assert where == place(NET, 'nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")')


async def test_where_a_layer_is_used(editor: Editor) -> None:
    assert await shown(editor, "self.conv", occurrence=2) == (CONV, place(NET, "self.conv", occurrence=2))


async def test_a_default_is_said_to_be_one(editor: Editor) -> None:
    """With torch's standard deviation for it: uniform within 1 / sqrt(fan_in)."""
    text, _ = await shown(editor, "nn.Linear(32, 10)")
    assert "- initializer: `default`, std 0.102" in text
    assert "- feeds: output" in text


async def test_what_is_unknown_is_said_to_be_unknown(editor: Editor) -> None:
    text, _ = await shown(editor, "nn.Linear(widths[0], 10)")
    assert text.startswith("**Net.some** `Linear`, fan\\_in ?, fan\\_out 10") or "fan_in ?" in text
    assert "std" not in text.splitlines()[2]


async def test_a_recurrent_layer_has_two_initializers(editor: Editor) -> None:
    text, _ = await shown(editor, "nn.LSTM(10, 20)")
    assert "- initializer: `default`, std 0.129" in text
    assert "- recurrent: `default`, std 0.129" in text


DEEP = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(part for _ in range(9) for part in (nn.Linear(256, 256), nn.ReLU())))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.layers(x)
"""


async def test_the_signal_in_a_run_of_layers_is_told(editor: Editor) -> None:
    """Nine layers under Xavier before ReLU halve the second moment nine times (He et al. 2015, eqs. 7 and 13): the
    standard deviation is sqrt(1 / 2)^9 = 0.0442 at the end, and the gradient's, over the eight between, 0.0625."""
    uri = editor.open("deep.py", DEEP)
    where = place(DEEP, "nn.Linear(256, 256)").start
    found = await editor.hover(uri, where.line, where.character)
    assert found is not None
    assert isinstance(found.contents, types.MarkupContent)
    assert "- signal: 0.0442 forward, 0.0625 backward, over a run of 9 layers" in found.contents.value


async def test_elsewhere_nothing_is_shown(editor: Editor) -> None:
    uri = editor.open("net.py", NET)
    for part in ("super()", "return", "import"):
        where = place(NET, part).start
        assert await editor.hover(uri, where.line, where.character + 1) is None


async def test_a_half_typed_text_still_shows_its_layers(editor: Editor) -> None:
    uri = editor.open("half.py", NET)
    await editor.diagnostics(uri)
    broken = NET.replace("\n\nclass", "\nx = (\n\n\nclass")
    editor.change(uri, broken)
    where = place(broken, "nn.Conv2d").start
    found = await editor.hover(uri, where.line, where.character)
    assert found is not None
    assert isinstance(found.contents, types.MarkupContent)
    assert found.contents.value == CONV


async def test_a_client_without_markdown_gets_plain_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    capabilities = client_capabilities("visual-studio-code")
    assert capabilities.text_document is not None
    capabilities.text_document.hover = types.HoverClientCapabilities(content_format=[types.MarkupKind.PlainText])
    async with editing(tmp_path_factory.mktemp("plain"), capabilities=capabilities) as plain:
        uri = plain.open("net.py", NET)
        where = place(NET, "nn.Conv2d").start
        found = await plain.hover(uri, where.line, where.character)
        assert found is not None
        assert isinstance(found.contents, types.MarkupContent)
        assert found.contents.kind == types.MarkupKind.PlainText
        assert found.contents.value.startswith("Net.conv (Conv2d), fan_in 144, fan_out 288\n")
