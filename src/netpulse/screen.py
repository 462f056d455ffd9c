"""Device bytes in, clean lines out, within a budget; no I/O.

Kept: text. Removed: terminal escapes, control characters but TAB, C1, and every character without a picture, such as
bidirectional controls and zero-width ones (they reorder or hide what a person reads). Line ends become `\\n`; a lone
carriage return ends a line too, so that nothing overwrites what was printed. Bytes that are not UTF-8 become U+FFFD and
are counted, so that a reply of junk can be told from text.
"""

from __future__ import annotations

import codecs
import re

LONGEST_LINE = 4096
"""Characters; a longer line is broken, so that no reader ever sees more at once."""

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"
)
_UNSEEN = re.compile(  # controls, separators, and Default_Ignorable_Code_Point of Unicode 15.1
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_BREAKS = re.compile(r"\r\n|\r|\n")


def clean(line: str) -> str:
    """One line without anything that is not text. Idempotent."""
    return _UNSEEN.sub("", _ESCAPES.sub("", line)) if not line.isprintable() or not line.isascii() else line


class Screen:
    """Collects one command's output: `feed` bytes, get finished lines.

    After `most_bytes` bytes or `most_lines` lines `full` is true, further input is dropped and `truncated` says so.
    """

    def __init__(self, most_bytes: int, most_lines: int) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._bytes_left = most_bytes
        self._lines_left = most_lines
        self._rest = ""
        self._after_cr = False
        self.truncated = False
        self.characters = 0
        self.junk = 0

    @property
    def full(self) -> bool:
        return self.truncated

    @property
    def garbled(self) -> bool:
        """Whether what came is not text: more than a tenth of it is undecodable or control characters."""
        return self.characters > 0 and self.junk * 10 > self.characters

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes finish."""
        if self.truncated:
            return []
        if len(data) > self._bytes_left:
            data = data[: self._bytes_left]
            self.truncated = True
        self._bytes_left -= len(data)
        return self._take(self._decoder.decode(data))

    def close(self) -> list[str]:
        """The last, unfinished line, if there is one."""
        lines = self._take(self._decoder.decode(b"", final=True))
        if self._rest and not self.truncated:
            lines += self._emit([self._rest])
        self._rest = ""
        return lines

    def _take(self, text: str) -> list[str]:
        if not text:
            return []
        if self._after_cr and text[0] == "\n":  # a CR LF split over two reads is one line end
            text = text[1:]
        self._after_cr = text.endswith("\r")
        pieces = _BREAKS.split(self._rest + text)
        self._rest = pieces.pop()
        while len(self._rest) > LONGEST_LINE:
            pieces.append(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]
        return self._emit(pieces)

    def _emit(self, pieces: list[str]) -> list[str]:
        lines: list[str] = []
        for piece in pieces:
            for start in range(0, max(len(piece), 1), LONGEST_LINE):
                if self._lines_left == 0:
                    self.truncated = True
                    return lines
                self._lines_left -= 1
                raw = piece[start : start + LONGEST_LINE]
                line = clean(raw)
                self.characters += len(raw)
                self.junk += line.count("\ufffd") + sum(1 for c in raw if c < " " and c not in "\t\x1b\x08\x00")
                lines.append(line)
        return lines
