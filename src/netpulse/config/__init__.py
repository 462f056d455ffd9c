"""The configuration file into settings, or every fault of it at once.

    load(path)          the settings; raises ConfigFaults
    read(path)          the same with warnings
    default_settings()  what `serve` offers without any file: this host
    Watcher             a reload on SIGHUP and on change

`positions` reads YAML, `models` is its shape, `rules` is what must hold between settings, `build` makes the settings.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from netpulse import cells
from netpulse.config.build import Builder
from netpulse.config.defaults import default_settings
from netpulse.config.explain import explained
from netpulse.config.faults import ConfigFault, ConfigFaults
from netpulse.config.models import ConfigFile
from netpulse.config.positions import Document, read_text
from netpulse.config.positions import read as read_document
from netpulse.config.rules import World, broken_rules
from netpulse.config.warnings import warnings_of
from netpulse.config.watcher import Watcher
from netpulse.settings import Settings

__all__ = ["ConfigFault", "ConfigFaults", "Reading", "Watcher", "default_settings", "faults_in", "load", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings of a file, and what its author should know although it is no fault, with positions."""

    settings: Settings
    warnings: tuple[str, ...]


def load(
    path: Path, *, platforms: Collection[str] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings this file describes; raises ConfigFaults with everything that is wrong."""
    return read(path, platforms=platforms, environment=environment).settings


def read(
    path: Path, *, platforms: Collection[str] | None = None, environment: Mapping[str, str] | None = None
) -> Reading:
    """The settings and the warnings. `platforms` are the names a router may have (default: those of the matrix).

    Raises ConfigFaults, in the order of the file. Touches nothing but the file system.
    """
    document = read_document(path)
    world = _world(path, platforms, environment)
    file = _checked(document, world)
    settings = Builder(world.folder, world.environment).settings(file)
    return Reading(settings, tuple(map(str, warnings_of(file, document))))


def faults_in(
    text: str, path: Path, *, platforms: Collection[str] | None = None, environment: Mapping[str, str] | None = None
) -> tuple[ConfigFault, ...]:
    """What would be wrong with this text if it were written to `path`; empty if it would load."""
    try:
        _checked(read_text(text, path), _world(path, platforms, environment))
    except ConfigFaults as bad:
        return bad.faults
    return ()


def _world(path: Path, platforms: Collection[str] | None, environment: Mapping[str, str] | None) -> World:
    matrix = cells.discover()
    return World(
        folder=path.absolute().parent,
        platforms=matrix.platforms.keys() if platforms is None else platforms,
        environment=os.environ if environment is None else environment,
        heeds=matrix.heeds,
    )


def _checked(document: Document, world: World) -> ConfigFile:
    faults = list(document.faults)
    file = None
    try:
        file = ConfigFile.model_validate(document.data)
    except ValidationError as fault:
        faults += explained(fault, document)
    told = {(fault.path, fault.line) for fault in faults}
    for place, text in broken_rules(document.data, world):
        found = document.fault(place, text)
        if (found.path, found.line) not in told:
            faults.append(found)
    if faults or file is None:
        raise ConfigFaults(faults)
    return file
