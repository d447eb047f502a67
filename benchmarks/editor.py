"""How long an editor waits, over the real protocol: from an edit to the diagnostics for it.

    python benchmarks/editor.py [FILE...] [--edits N] [--pull]

Starts `initlint server` as an editor does and types into FILE: an argument of an initializer, a line, a name. Without
a FILE it types into a model file of 1,000 lines that it makes up. Prints quantiles over the edits; nothing fails.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speed import BLOCK, ENVIRONMENT

EDITS = 40
WARM_UP = 3  # edits that do not count
PAUSE = 0.15  # seconds between edits: fast typing
CALL = re.compile(r"^\s+self\.\w+ = nn\.\w+\(.*\)$")
NUMBER = re.compile(r"\b\d+\b")
WORD = re.compile(r"\bout\b|\bvalue_\d+\b")


class Editor:
    """A client of the server that knows as much of the protocol as is needed here."""

    def __init__(self, folder: Path, *, pull: bool) -> None:
        self.pull = pull
        self.process = subprocess.Popen(
            [sys.executable, "-m", "initlint", "server"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        self.last = 0
        documents: dict[str, Any] = {"publishDiagnostics": {"relatedInformation": True, "codeDescriptionSupport": True}}
        if pull:
            documents["diagnostic"] = {"relatedDocumentSupport": True}
        capabilities = {"textDocument": documents, "general": {"positionEncodings": ["utf-16"]}}
        self.ask("initialize", {"processId": os.getpid(), "rootUri": folder.as_uri(), "capabilities": capabilities})
        self.tell("initialized", {})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            elif not line and self.process.poll() is not None:
                raise RuntimeError("the server is gone")
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def tell(self, method: str, params: object) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, params: object) -> Any:
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        while (message := self.receive()).get("id") != self.last or "method" in message:
            pass
        return message.get("result")

    def diagnostics(self, uri: str, version: int) -> list[dict[str, Any]]:
        """The diagnostics of this version of a document."""
        if self.pull:
            found: list[dict[str, Any]] = self.ask("textDocument/diagnostic", {"textDocument": {"uri": uri}})["items"]
            return found
        while True:
            message = self.receive()
            params = message.get("params") or {}
            if message.get("method") == "textDocument/publishDiagnostics" and params.get("version") == version:
                published: list[dict[str, Any]] = params["diagnostics"]
                return published

    def open(self, uri: str, text: str) -> list[dict[str, Any]]:
        document = {"uri": uri, "languageId": "python", "version": 0, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics(uri, 0)

    def change(self, uri: str, version: int, text: str) -> list[dict[str, Any]]:
        document = {"uri": uri, "version": version}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})
        return self.diagnostics(uri, version)

    def processor_seconds(self) -> float:
        """What the server has used of a processor; 0 where the system does not tell (it does on Linux)."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.ask("shutdown", None)
        self.tell("exit", None)
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


def edits(text: str, count: int) -> Iterator[str]:
    """The text with one more change each time, somewhere else each time: mostly code, now and then a comment."""
    lines = text.split("\n")
    for number in range(count):
        calls = [at for at, line in enumerate(lines) if CALL.search(line)]
        at = calls[number * 7 % len(calls)] if calls else len(lines) // 2
        kind = number % 4
        if kind == 0:  # another number in a call
            lines[at] = NUMBER.sub(lambda found: str(int(found[0]) % 4 + 1), lines[at], count=1)
        elif kind == 1:  # another statement
            lines.insert(at, f"{lines[at][: len(lines[at]) - len(lines[at].lstrip())]}size = {number}")
        elif kind == 2:  # another name
            lines = [WORD.sub(f"value_{number}", line) for line in lines]
        else:
            lines[at] = f"{lines[at]}  # {number}"
        yield "\n".join(lines)


def measured(path: Path, count: int, *, pull: bool) -> str:
    text = path.read_text(encoding="utf-8")
    editor = Editor(path.parent, pull=pull)
    uri = path.as_uri()
    start = time.perf_counter()
    found = len(editor.open(uri, text))
    opened = time.perf_counter() - start
    waits = []
    before = editor.processor_seconds()
    for version, changed in enumerate(edits(text, count + WARM_UP), start=1):
        time.sleep(PAUSE)
        if version == WARM_UP + 1:
            before = editor.processor_seconds()
        start = time.perf_counter()
        editor.change(uri, version, changed)
        waits.append(time.perf_counter() - start)
    spent = (editor.processor_seconds() - before) / count
    editor.close()
    waits = waits[WARM_UP:]
    *_, high = statistics.quantiles(waits, n=20)
    middle, worst = statistics.median(waits), max(waits)
    parse = min(timed(text) for _ in range(5))
    return (
        f"{path.name:28} {text.count(chr(10)):5} lines {found:3} findings  opened {opened * 1000:5.0f} ms  edits: "
        f"median {middle * 1000:4.0f} ms  95 % {high * 1000:4.0f} ms  worst {worst * 1000:4.0f} ms  "
        f"processor {spent * 1000:4.0f} ms = {spent / parse:.1f} x ast.parse"
    )


def timed(text: str) -> float:
    """Processor seconds of parsing a text."""
    start = time.process_time()
    ast.parse(text)
    return time.process_time() - start


def model(lines: int = 1000) -> str:
    """A model file of about this length: residual blocks, and a network of them."""
    blocks = (lines - 30) // BLOCK.count("\n")
    used = "\n".join(f"            Block{n}(64)," for n in range(blocks))
    return (
        "import torch\nfrom torch import nn\n\n"
        + "".join(BLOCK.format(n=n) for n in range(blocks))
        + f"\nclass Net(nn.Module):\n    def __init__(self) -> None:\n        super().__init__()\n"
        f"        self.blocks = nn.Sequential(\n{used}\n        )\n        self.head = nn.Linear(64, 10)\n"
        "        nn.init.xavier_uniform_(self.head.bias)\n\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        "        return self.head(self.blocks(x).mean((2, 3)))\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="How long an editor waits from an edit to its diagnostics.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--edits", type=int, default=EDITS)
    parser.add_argument("--pull", action="store_true", help="pull diagnostics instead of having them pushed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "model.py")
        made.write_text(model(), encoding="utf-8")
        for path in arguments.files or [made]:
            print(measured(path.resolve(), arguments.edits, pull=arguments.pull), flush=True)


if __name__ == "__main__":
    main()
