"""The settings of each document, read again when the files have changed that they are written in."""

from __future__ import annotations

import os
from typing import TypeAlias

from initlint.config import Config, ConfigError, Configs
from initlint.discovery import SETTINGS, Exclusion
from initlint.settings import Settings

Stamps: TypeAlias = tuple[tuple[str, int, int], ...]  # path, time of the last change in nanoseconds, size in bytes


class Configuration:
    """Settings by folder. Wrong ones are told by the ConfigError's text, and those from before them hold on."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamps] = {}
        self.settings = Settings()
        self.known: dict[str, Configs] = {}

    def of(self, path: str) -> tuple[Configs, str]:
        """The settings for a document, and what is wrong with those that are written."""
        folder = os.path.dirname(path)
        stamps = written_above(folder)
        if stamps != self.stamps.get(folder):
            self.stamps = {folder: stamps}
            self.settings = Settings()
        try:
            self.settings.of(path)
        except ConfigError as error:
            return self.known.get(folder, Config()), str(error)
        self.known[folder] = self.settings
        return self.settings, ""


def written_above(folder: str) -> Stamps:
    """The files in a folder and above it in which settings may be written, as they are now."""
    found = []
    while True:
        for name in sorted(SETTINGS):
            path = os.path.join(folder, name)
            try:
                state = os.stat(path)
            except (OSError, ValueError):
                continue
            found.append((path, state.st_mtime_ns, state.st_size))
        above = os.path.dirname(folder)
        if above == folder:
            return tuple(found)
        folder = above


def is_excluded(path: str, configs: Configs) -> bool:
    """Whether the settings leave a document out. Unlike a file that is named to the command line, one that is opened
    was not asked for."""
    return Exclusion(configs).leaves_out(path)
