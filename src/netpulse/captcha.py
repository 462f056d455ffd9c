"""The arithmetic question of the form: "What is 18 + 16?".

A question is a token that its asker signed: who it is for, until when, and the two numbers. It can be answered once,
rightly or wrongly, by whom it was asked, and before it expires. A right answer earns a pass, signed as well, so that the
same visitor is not asked again for a while. Secret, clock and randomness are arguments; nothing is stored but which
questions were answered.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Literal, NamedTuple

Verdict = Literal["right", "wrong", "empty", "stale"]
"""`stale` is a question that is expired, answered before, of somebody else or not ours."""

_MOST_SPENT = 100_000
_LEAST, _SPREAD = 5, 25


class Question(NamedTuple):
    """Two numbers to add, and the token that goes back with the answer."""

    a: int
    b: int
    token: str


class Captcha:
    """Asks and checks. `clock` gives seconds since 1970, `below(n)` a random number under n; both lives are in seconds."""

    def __init__(
        self,
        secret: bytes,
        clock: Callable[[], float],
        below: Callable[[int], int],
        *,
        question_lasts_s: int = 1800,
        most_spent: int = _MOST_SPENT,
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._below = below
        self._question_lasts_s = question_lasts_s
        self._most_spent = most_spent
        self._spent: dict[str, int] = {}
        self._none_until = 0

    def ask(self, who: str) -> Question:
        """A new question for this visitor."""
        a, b = (_LEAST + self._below(_SPREAD) for _ in range(2))
        until = int(self._clock()) + self._question_lasts_s
        fields = f"{until}.{a}.{b}.{self._below(1 << 62):x}"
        return Question(a, b, f"{fields}.{self._mark('ask', fields, who)}")

    def again(self, token: str, who: str) -> Question | None:
        """The question of this token, if this visitor can still answer it; nothing is spent."""
        numbers = self._open(token, who)
        return None if numbers is None else Question(*numbers, token)

    def check(self, token: str, answer: str, who: str) -> Verdict:
        """Whether this answers that question. Anything but an empty answer spends the question."""
        numbers = self._open(token, who)
        if numbers is None:
            return "stale"
        given = answer.strip()
        if not given:
            return "empty"
        self._spend(token)
        right = len(given) <= 4 and given.isdecimal() and int(given) == sum(numbers)
        return "right" if right else "wrong"

    def earned(self, who: str, lasts_s: int) -> str:
        """The pass that a right answer earns this visitor for so long."""
        until = str(int(self._clock()) + lasts_s)
        return f"{until}.{self._mark('pass', until, who)}"

    def holds(self, earned: str, who: str) -> bool:
        """Whether this is a pass of this visitor that has not expired."""
        until, _, mark = earned.partition(".")
        if not (len(earned) <= 100 and until.isascii() and until.isdigit()):
            return False
        return _same(mark, self._mark("pass", until, who)) and int(until) > self._clock()

    def _open(self, token: str, who: str) -> tuple[int, int] | None:
        """The numbers of a question that this visitor can still answer."""
        fields, _, mark = token.rpartition(".")
        if len(token) > 200 or not _same(mark, self._mark("ask", fields, who)):
            return None
        until, a, b, _nonce = fields.split(".")
        if int(until) <= max(self._clock(), self._none_until) or token in self._spent:
            return None
        return int(a), int(b)

    def _spend(self, token: str) -> None:
        now_s = self._clock()
        if len(self._spent) >= self._most_spent:
            self._spent = {spent: until for spent, until in self._spent.items() if until > now_s}
        if len(self._spent) >= self._most_spent:
            # Too many to remember: every question of until now becomes stale, so that none can be answered twice.
            self._none_until = int(now_s) + self._question_lasts_s
            self._spent.clear()
        self._spent[token] = int(token.partition(".")[0])

    def _mark(self, use: str, fields: str, who: str) -> str:
        text = "\n".join((use, fields, who)).encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, text, "sha256").hex()[:32]


def _same(given: str, expected: str) -> bool:
    return given.isascii() and hmac.compare_digest(given, expected)
