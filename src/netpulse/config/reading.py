"""From a file to its settings, or to every fault in it. Imports pydantic and ruamel.yaml, which take their time."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import ValidationError

from netpulse import cells
from netpulse.config.build import Builder
from netpulse.config.explain import explained
from netpulse.config.faults import ConfigFault, ConfigFaults
from netpulse.config.models import ConfigFile
from netpulse.config.positions import Document, read_text
from netpulse.config.positions import read as read_document
from netpulse.config.rules import World, broken_rules
from netpulse.config.warnings import warnings_of
from netpulse.settings import Settings


def settings_and_warnings(
    path: Path, platforms: Collection[str] | None, environment: Mapping[str, str] | None, private_keys: bool = True
) -> tuple[Settings, tuple[str, ...]]:
    """What the file says, and what its author should know; raises ConfigFaults, in the order of the file."""
    document = read_document(path)
    world = _world(path, platforms, environment, private_keys)
    file = _checked(document, world)
    settings = Builder(world.folder, world.environment, world.matrix.shows()).settings(file)
    return settings, tuple(map(str, warnings_of(file, document)))


def faults_of_text(
    text: str, path: Path, platforms: Collection[str] | None, environment: Mapping[str, str] | None
) -> tuple[ConfigFault, ...]:
    """What would be wrong with this text if it were written to `path`."""
    try:
        _checked(read_text(text, path), _world(path, platforms, environment))
    except ConfigFaults as bad:
        return bad.faults
    return ()


def _world(
    path: Path, platforms: Collection[str] | None, environment: Mapping[str, str] | None, private_keys: bool = True
) -> World:
    matrix = cells.discover()
    return World(
        folder=path.absolute().parent,
        platforms=matrix.platforms.keys() if platforms is None else platforms,
        environment=os.environ if environment is None else environment,
        matrix=matrix,
        private_keys=private_keys,
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
