"""The editors themselves, set up as the README says: they attach, show what is found and apply a quick fix.

An editor that is not there is passed over, with the reason; `.ci/run` installs Debian's Neovim and Emacs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

SECONDS = 120
NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        nn.init.xavier_uniform_(self.fc.bias)

    def forward(self, x):
        return self.fc(x)
"""
SILENCED = "nn.init.xavier_uniform_(self.fc.bias)  # initlint: ignore[INI601]"


def block(name: str) -> str:
    """What the README says to write into the settings of an editor."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^<!-- {name} -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the README has no block {name}"
    return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a model file, and `initlint` as a program beside it."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "net.py").write_text(NET)
    program = tmp_path / "bin" / "initlint"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m initlint "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(project: Path, *command: str) -> str:
    """What an editor prints that is run in the project, with `initlint` on its path."""
    environment = {
        **os.environ,
        "PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(project),
        "XDG_STATE_HOME": str(project / "state"),
    }
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed


# -- Neovim ----------------------------------------------------------------------------------------

NEOVIM = shutil.which("nvim")
NO_NEOVIM = "Neovim is not installed (`apt-get install neovim`)"
# Whatever fails ends Neovim with an error, which would wait for a key otherwise.
IN_NEOVIM = """
local function check()
  local function waited(what, test)
    assert(vim.wait(60000, test), "waited in vain: " .. what)
  end
  waited("diagnostics", function() return #vim.diagnostic.get(0) > 0 end)
  for _, found in ipairs(vim.diagnostic.get(0)) do
    print(string.format("found %d:%d %s", found.lnum + 1, found.col + 1, found.message))
  end
  vim.ui.select = function(items, _, choose)
    for index, item in ipairs(items) do
      local action = item.action or item[2]
      if action.title:find("suppress", 1, true) then return choose(item, index) end
    end
  end
  vim.api.nvim_win_set_cursor(0, { 8, 10 })
  vim.lsp.buf.code_action()
  waited("the edit", function() return vim.api.nvim_buf_get_lines(0, 7, 8, true)[1]:find("ignore", 1, true) end)
  print("line " .. vim.trim(vim.api.nvim_buf_get_lines(0, 7, 8, true)[1]))
  waited("nothing more", function() return #vim.diagnostic.get(0) == 0 end)
end
local fine, trouble = pcall(check)
if not fine then
  print(trouble)
  vim.cmd("cq!")
end
vim.cmd("qa!")
"""


def neovim_version() -> tuple[int, int]:
    if NEOVIM is None:
        return (0, 0)
    printed = subprocess.run([NEOVIM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v(\d+)\.(\d+)", printed)
    assert found is not None
    return int(found[1]), int(found[2])


VERSION = neovim_version()


def neovim(project: Path, settings: str, script: str) -> str:
    """What Neovim prints after it was set up, has opened the file and has run a script."""
    (project / "init.lua").write_text(settings)
    (project / "script.lua").write_text(script)
    assert NEOVIM is not None
    source = "luafile script.lua"
    return run(project, NEOVIM, "--headless", "--clean", "-n", "--cmd", "luafile init.lua", "net.py", "-c", source)


@pytest.mark.skipif(NEOVIM is None, reason=NO_NEOVIM)
@pytest.mark.parametrize("name", ["older neovim", "neovim"])
def test_neovim_shows_what_is_found_and_applies_a_quick_fix(project: Path, name: str) -> None:
    if name == "neovim" and VERSION < (0, 11):
        pytest.skip("this Neovim is older than 0.11, which the block is for")
    if name == "older neovim" and VERSION >= (0, 12):
        pytest.skip("this Neovim has what the other block uses")
    printed = neovim(project, block(name), IN_NEOVIM)
    assert "found 8:9 xavier_uniform_ raises on self.fc.bias" in printed
    assert f"line {SILENCED}" in printed


@pytest.mark.skipif(NEOVIM is None, reason=NO_NEOVIM)
def test_the_block_for_new_neovims_is_lua_that_starts_the_server(project: Path) -> None:
    """Under any Neovim: with functions in the place of its own that print what they are given."""
    recorded = """
    vim.lsp.config = function(name, given) print(name .. " " .. table.concat(given.cmd, " ")) end
    vim.lsp.enable = function(name) print("enabled " .. name) end
    """
    printed = neovim(project, recorded + block("neovim"), 'vim.cmd("qa!")')
    assert "initlint initlint server" in printed
    assert "enabled initlint" in printed


# -- Emacs -----------------------------------------------------------------------------------------

EMACS = shutil.which("emacs")
IN_EMACS = """
(dolist (folder (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa/*")) (add-to-list 'load-path folder))
(load-file "init.el")
(unless (require 'eglot nil t) (message "no eglot") (kill-emacs 0))
(setq eglot-sync-connect 60 eglot-connect-timeout 60 eglot-confirm-server-initiated-edits nil)
(with-current-buffer (find-file-noselect "net.py")
  (python-mode)
  (apply #'eglot (append (eglot--guess-contact) nil))
  (flymake-start)
  (let ((end (+ (float-time) 60)))
    (while (and (not (flymake-diagnostics)) (< (float-time) end)) (accept-process-output nil 0.1)))
  (dolist (found (flymake-diagnostics))
    (message "found %s: %s" (line-number-at-pos (flymake-diagnostic-beg found)) (flymake-diagnostic-text found)))
  (goto-char (point-min))
  (forward-line 7)
  (let* ((here (eglot--pos-to-lsp-position))
         (params (list :textDocument (eglot--TextDocumentIdentifier) :range (list :start here :end here)
                       :context (list :diagnostics [])))
         (offered (jsonrpc-request (eglot-current-server) :textDocument/codeAction params)))
    (eglot--apply-workspace-edit (plist-get (aref offered (1- (length offered))) :edit) nil))
  (message "line %s" (string-trim (thing-at-point 'line t)))
  (eglot-shutdown (eglot-current-server)))
(kill-emacs 0)
"""


@pytest.mark.skipif(EMACS is None, reason="Emacs is not installed (`apt-get install emacs-nox elpa-eglot`)")
def test_emacs_shows_what_is_found_and_applies_a_quick_fix(project: Path) -> None:
    (project / "init.el").write_text(block("emacs"))
    (project / "script.el").write_text(IN_EMACS)
    assert EMACS is not None
    printed = run(project, EMACS, "-Q", "--batch", "-l", "script.el")
    if "no eglot" in printed:
        pytest.skip("this Emacs has no Eglot (`apt-get install elpa-eglot`)")
    assert re.search(r"found 8: .*xavier_uniform_ raises on self\.fc\.bias", printed)
    assert f"line {SILENCED}" in printed


# -- Helix and VS Code, which are not run: their settings are read, and what they start is started ------------------


def starts_a_server(project: Path, command: list[str]) -> bool:
    """Whether a command speaks the protocol: it answers a client that leaves at once."""
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
    program = str(project / "bin" / command[0])
    done = subprocess.run(
        [program, *command[1:]],
        input=f"Content-Length: {len(message)}\r\n\r\n{message}",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return '"name": "initlint"' in done.stdout


def test_what_helix_is_told_starts_the_server(project: Path) -> None:
    settings = tomllib.loads(block("helix"))
    server = settings["language-server"]["initlint"]
    (language,) = settings["language"]
    assert language["name"] == "python"
    assert "initlint" in language["language-servers"]
    assert starts_a_server(project, [server["command"], *server["args"]])


def test_what_vs_code_is_told_starts_the_server(project: Path) -> None:
    settings = json.loads(block("vs code"))
    assert settings["glspc.server.languageId"] == ["python"]
    assert starts_a_server(project, [settings["glspc.server.command"], *settings["glspc.server.commandArguments"]])
