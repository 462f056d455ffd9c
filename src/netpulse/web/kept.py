"""What was made once is used again, as long as what it was made of stays the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Made(NamedTuple, Generic[T]):
    of: object
    value: T


class Kept(Generic[T]):
    """At most `most` values, each with its name; all are forgotten when one more would be kept."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._made: dict[Hashable, _Made[T]] = {}

    def get(self, name: Hashable, of: object, make: Callable[[], T]) -> T:
        """The value of this name that was made of what equals `of`; made now if there is none."""
        made = self._made.get(name)
        if made is None or made.of != of:
            if len(self._made) >= self._most:
                self._made.clear()
            made = self._made[name] = _Made(of, make())
        return made.value
