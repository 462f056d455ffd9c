"""The arithmetic question: asked, answered once, remembered, and not to be cheated."""

from __future__ import annotations

import itertools

import pytest

from netpulse.captcha import Captcha, Question

WHO = "192.0.2.7"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asker(clock: Clock, secret: bytes = b"s" * 32, **more: int) -> Captcha:
    count = itertools.count(3)
    return Captcha(secret, clock, lambda n: next(count) * 7919 % n, **more)


def answer(question: Question) -> str:
    return str(question.a + question.b)


def test_the_right_sum_is_right_once_and_stale_the_second_time(clock: Clock) -> None:
    captcha = asker(clock)
    question = captcha.ask(WHO)
    assert captcha.check(question.token, f" {answer(question)} ", WHO) == "right"
    assert captcha.check(question.token, answer(question), WHO) == "stale"
    assert captcha.again(question.token, WHO) is None


def test_a_wrong_answer_spends_the_question(clock: Clock) -> None:
    captcha = asker(clock)
    question = captcha.ask(WHO)
    assert captcha.check(question.token, "3", WHO) == "wrong"
    assert captcha.check(question.token, answer(question), WHO) == "stale"


def test_an_empty_answer_leaves_the_question_open(clock: Clock) -> None:
    captcha = asker(clock)
    question = captcha.ask(WHO)
    assert captcha.check(question.token, "  ", WHO) == "empty"
    assert captcha.again(question.token, WHO) == question
    assert captcha.check(question.token, answer(question), WHO) == "right"


@pytest.mark.parametrize("given", ["x", "-1", "1e1", "34.0", "99999999999999999999", "٣٤x", "\x00", "²"])
def test_what_is_not_the_sum_is_wrong_whatever_it_looks_like(clock: Clock, given: str) -> None:
    captcha = asker(clock)
    assert captcha.check(captcha.ask(WHO).token, given, WHO) == "wrong"


def test_the_sum_may_be_written_in_other_digits(clock: Clock) -> None:
    captcha = asker(clock)
    question = captcha.ask(WHO)
    eastern = answer(question).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert captcha.check(question.token, eastern, WHO) == "right"


def test_somebody_else_cannot_answer_it(clock: Clock) -> None:
    captcha = asker(clock)
    question = captcha.ask(WHO)
    assert captcha.check(question.token, answer(question), "192.0.2.8") == "stale"
    assert captcha.check(question.token, answer(question), WHO) == "right"


def test_it_expires(clock: Clock) -> None:
    captcha = asker(clock, question_lasts_s=60)
    question = captcha.ask(WHO)
    clock.now_s += 59
    assert captcha.again(question.token, WHO) is not None
    clock.now_s += 1
    assert captcha.check(question.token, answer(question), WHO) == "stale"


@pytest.mark.parametrize("change", ["", ".", "1.2.3.4.5", "x" * 500, "{fields}.{mark}0", "9{fields}.{mark}", "é.é"])
def test_a_token_that_is_not_ours_is_stale(clock: Clock, change: str) -> None:
    captcha = asker(clock)
    fields, _, mark = captcha.ask(WHO).token.rpartition(".")
    assert captcha.check(change.format(fields=fields, mark=mark), "1", WHO) == "stale"


def test_a_token_of_another_secret_or_of_another_use_is_stale(clock: Clock) -> None:
    captcha = asker(clock)
    question = asker(clock, b"t" * 32).ask(WHO)
    assert captcha.check(question.token, answer(question), WHO) == "stale"
    assert captcha.check(captcha.earned(WHO, 600), "1", WHO) == "stale"
    assert not captcha.holds(captcha.ask(WHO).token, WHO)


def test_a_pass_holds_for_its_time_and_its_visitor(clock: Clock) -> None:
    captcha = asker(clock)
    earned = captcha.earned(WHO, 600)
    assert captcha.holds(earned, WHO)
    assert not captcha.holds(earned, "192.0.2.8")
    clock.now_s += 599
    assert captcha.holds(earned, WHO)
    clock.now_s += 1
    assert not captcha.holds(earned, WHO)


@pytest.mark.parametrize("forged", ["", "9999999999.", "9999999999.0" + "0" * 31, "x.y", "١.x", "9" * 200])
def test_a_forged_pass_does_not_hold(clock: Clock, forged: str) -> None:
    assert not asker(clock).holds(forged, WHO)


def test_a_pass_cannot_be_lengthened(clock: Clock) -> None:
    captcha = asker(clock)
    until, _, mark = captcha.earned(WHO, 600).partition(".")
    assert not captcha.holds(f"{int(until) + 1}.{mark}", WHO)


def test_with_too_many_answers_to_remember_old_questions_become_stale_and_new_ones_work(clock: Clock) -> None:
    captcha = asker(clock, most_spent=2, question_lasts_s=60)
    questions = [captcha.ask(WHO) for _ in range(4)]
    for question in questions[:3]:
        assert captcha.check(question.token, answer(question), WHO) == "right"
    assert [captcha.check(question.token, answer(question), WHO) for question in questions] == ["stale"] * 4
    clock.now_s += 1
    question = captcha.ask(WHO)
    assert captcha.check(question.token, answer(question), WHO) == "right"


def test_expired_answers_are_forgotten_first(clock: Clock) -> None:
    captcha = asker(clock, most_spent=1, question_lasts_s=60)
    first = captcha.ask(WHO)
    assert captcha.check(first.token, answer(first), WHO) == "right"
    clock.now_s += 61
    second, third = captcha.ask(WHO), captcha.ask(WHO)
    assert captcha.check(second.token, answer(second), WHO) == "right"
    assert captcha.check(third.token, answer(third), WHO) == "right"
