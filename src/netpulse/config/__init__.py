"""The configuration file into settings, or every fault of it at once.

    load(path)          the settings; raises ConfigFaults
    read(path)          the same with warnings
    default_settings()  what `serve` offers without any file: this host
    Watcher             a reload on SIGHUP and on change

`reading` goes from a file to settings: `positions` reads YAML, `models` is its shape, `rules` is what must hold between
settings, `build` makes the settings. Importing this file imports none of that, nor what it stands on: reading a file does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from netpulse.config.defaults import default_settings
from netpulse.config.faults import ConfigFault, ConfigFaults
from netpulse.config.watcher import Watcher
from netpulse.settings import Settings

__all__ = ["ConfigFault", "ConfigFaults", "Reading", "Watcher", "default_settings", "faults_in", "load", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings of a file, and what its author should know although it is no fault, with positions."""

    settings: Settings
    warnings: tuple[str, ...]


def load(
    path: Path,
    *,
    platforms: Collection[str] | None = None,
    environment: Mapping[str, str] | None = None,
    private_keys: bool = True,
) -> Settings:
    """The settings this file describes; raises ConfigFaults with everything that is wrong."""
    return read(path, platforms=platforms, environment=environment, private_keys=private_keys).settings


def read(
    path: Path,
    *,
    platforms: Collection[str] | None = None,
    environment: Mapping[str, str] | None = None,
    private_keys: bool = True,
) -> Reading:
    """The settings and the warnings. `platforms` are the names a router may have (default: those of the matrix).

    Without `private_keys` those files are not looked at: whoever only opens the database need not be able to read them.
    Raises ConfigFaults, in the order of the file. Touches nothing but the file system.
    """
    from netpulse.config.reading import settings_and_warnings

    return Reading(*settings_and_warnings(path, platforms, environment, private_keys))


def faults_in(
    text: str, path: Path, *, platforms: Collection[str] | None = None, environment: Mapping[str, str] | None = None
) -> tuple[ConfigFault, ...]:
    """What would be wrong with this text if it were written to `path`; empty if it would load."""
    from netpulse.config.reading import faults_of_text

    return faults_of_text(text, path, platforms, environment)
