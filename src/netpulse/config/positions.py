"""YAML 1.2 text into plain values, remembering where each stood.

YAML 1.1 readers turn the community `65000:1` into a number and `no` into false; 1.2 does not. The tree of nodes is walked
here rather than constructed by the library, so that duplicate keys, tags and odd keys become faults with positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from netpulse.config.faults import ConfigFault, ConfigFaults, Place, written

Position = tuple[int, int]
LARGEST_FILE_BYTES = 8 * 1024 * 1024
_KEEPS_ITS_TEXT = frozenset({"tag:yaml.org,2002:timestamp"})
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))


@dataclass(slots=True)
class Document:
    """A file as plain dicts, lists and scalars. `raw` has the text of each scalar as it was written."""

    file: Path
    data: Any = None
    keys: dict[Place, Position] = field(default_factory=dict)
    values: dict[Place, Position] = field(default_factory=dict)
    raw: dict[Place, str] = field(default_factory=dict)
    faults: list[ConfigFault] = field(default_factory=list)

    def position(self, place: Place, *, of_key: bool = False) -> Position:
        """Line and column of the value there (or of its key); of the nearest parent if there is no such place."""
        here = place
        while here:
            first, second = (self.keys, self.values) if of_key or here != place else (self.values, self.keys)
            found = first.get(here) or second.get(here)
            if found is not None:
                return found
            here = here[:-1]
        return self.values.get((), (1, 1))

    def fault(self, place: Place, text: str, *, of_key: bool = False, at: Place | None = None) -> ConfigFault:
        """A fault about `place`, pointing at it, or at another place given by `at`."""
        line, column = self.position(place if at is None else at, of_key=of_key)
        return ConfigFault(line, column, written(place), text, self.file)


def read(file: Path) -> Document:
    """The values and positions of this file; faults that leave something readable are in `Document.faults`.

    Raises ConfigFaults if nothing can be read: no such file, not UTF-8, not YAML, not a block of settings.
    """
    return read_text(_text_of(file), file)


def read_text(text: str, file: Path) -> Document:
    """The same for text already in hand; `file` only names it in faults."""
    document = Document(file)
    if text.startswith("%YAML") and not text.startswith("%YAML 1.2"):
        raise _alone(file, (1, 1), "asks for another YAML than 1.2; remove this line")  # 1.1 reads `no` as false
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        construct: Callable[[Node], Any] = yaml.constructor.construct_object
        if root is not None:
            document.data = _Walk(document, construct).value((), root)
    except ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        column = fault.position - text.rfind("\n", 0, fault.position)
        raise _alone(file, (line, column), "contains a control character; remove it") from None
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = " ".join(str(fault.problem or fault.context or "cannot be read").split())
        raise _alone(file, where, f"not YAML: {said}; check indentation, quotes and brackets here") from None
    except YAMLError as fault:
        raise _alone(file, (1, 1), f"not YAML: {' '.join(str(fault).split())}") from None
    except RecursionError:
        raise _alone(file, (1, 1), "is nested too deeply; write it flatter") from None
    if not isinstance(document.data, dict):
        said = "is empty" if document.data is None else "is not a block of settings"
        raise _alone(
            file, document.position(()), f"{said}; begin with `routers:` (`netpulse init` writes a first file)"
        )
    return document


def _text_of(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise _alone(file, (1, 1), "there is no such file; `netpulse init` writes a first one") from None
    except OSError as fault:
        raise _alone(file, (1, 1), f"cannot be read: {(fault.strerror or 'error').lower()}; check the path") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise _alone(file, (1, 1), f"is larger than {LARGEST_FILE_BYTES} bytes; this is not a configuration file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = content[: fault.start]
        where = (before.count(b"\n") + 1, fault.start - before.rfind(b"\n"))
        raise _alone(file, where, "is not UTF-8 here; save the file as UTF-8") from None


def _alone(file: Path, where: Position, text: str) -> ConfigFaults:
    return ConfigFaults([ConfigFault(*where, "", text, file)])


@dataclass(slots=True)
class _Walk:
    document: Document
    construct: Callable[[Node], Any]
    inside: list[Node] = field(default_factory=list)

    def value(self, place: Place, node: Node) -> Any:
        self.document.values[place] = _start(node)
        if any(node is outer for outer in self.inside):
            self.document.faults.append(self.document.fault(place, "contains itself; remove the alias"))
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(place, node)
        self.inside.append(node)
        try:
            if isinstance(node, SequenceNode):
                return [self.value((*place, i), child) for i, child in enumerate(node.value)]
            return dict(self._pairs(place, node)) if isinstance(node, MappingNode) else None
        finally:
            self.inside.pop()

    def _pairs(self, place: Place, node: MappingNode) -> Iterator[tuple[str, Any]]:
        first_lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line, column = _start(key_node)
            if not isinstance(key_node, ScalarNode):
                text = "a key must be a word; put it in quotes if it holds brackets"
                self.document.faults.append(ConfigFault(line, column, written(place), text, self.document.file))
                continue
            key = str(key_node.value)
            if key in first_lines:
                text = f"is already set in line {first_lines[key]}; remove one of the two"
                self.document.faults.append(ConfigFault(line, column, written((*place, key)), text, self.document.file))
                continue
            first_lines[key] = line
            self.document.keys[(*place, key)] = (line, column)
            yield key, self.value((*place, key), value_node)

    def _scalar(self, place: Place, node: ScalarNode) -> Any:
        self.document.raw[place] = node.value
        tag = str(node.tag)
        if tag in _KEEPS_ITS_TEXT:
            return node.value
        if tag not in _PLAIN:
            self.document.faults.append(self.document.fault(place, "has a tag; write a plain value without `!`"))
            return node.value
        try:
            return self.construct(node)
        except ValueError:
            self.document.faults.append(self.document.fault(place, "is not what its tag says; remove the tag"))
            return None


def _start(node: Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
