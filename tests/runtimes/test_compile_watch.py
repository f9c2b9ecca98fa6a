"""Following the device's compiler through everything that it does on the way."""

from __future__ import annotations

import pytest

from rung.runtimes.compile_watch import follow_compilation
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import Compilation

LOST = RuntimeFailure(Kind.REFUSED, "refused.", "wait.")


class Compiler:
    """Answers one after the other; the last one again and again."""

    def __init__(self, *answers: Compilation | RuntimeFailure) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def compilation(self) -> Compilation:
        self.asked += 1
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, RuntimeFailure):
            raise answer
        return answer


def busy(*log: str) -> Compilation:
    return Compilation("COMPILING", log, None)


def good(*log: str) -> Compilation:
    return Compilation("SUCCESS", log, 0)


async def follow(compiler: Compiler, deadline: float = 60.0) -> tuple[Compilation, list[str]]:
    lines: list[str] = []
    return await follow_compilation(compiler, lines.append, poll=0.0, deadline=deadline), lines


async def test_each_line_is_shown_once() -> None:
    verdict, lines = await follow(Compiler(busy(), busy("a"), busy("a", "b"), busy("a", "b"), good("a", "b", "c")))
    assert verdict.ok
    assert lines == ["a", "b", "c"]


async def test_lines_that_arrive_after_the_verdict_are_not_lost() -> None:
    verdict, lines = await follow(Compiler(good("a"), good("a", "last words")))
    assert lines == ["a", "last words"]
    assert verdict.log == ("a", "last words")


async def test_a_verdict_that_flips_back_is_not_believed_yet() -> None:
    verdict, _ = await follow(Compiler(good("a"), busy("a"), Compilation("FAILED", ("a",), 1)))
    assert not verdict.ok


async def test_a_log_that_begins_anew_is_shown_from_its_start() -> None:
    _, lines = await follow(Compiler(busy("a", "b"), busy("x"), good("x", "y")))
    assert lines == ["a", "b", "x", "y"]


async def test_another_log_that_has_already_grown_longer_is_noticed() -> None:
    _, lines = await follow(Compiler(busy("a"), good("x", "y")))
    assert lines == ["a", "x", "y"]


async def test_the_verdict_is_the_exit_code_and_not_the_word_error() -> None:
    verdict, _ = await follow(Compiler(good("[ERROR] [ERROR] only a warning")))
    assert verdict.ok
    verdict, _ = await follow(Compiler(Compilation("SUCCESS", (), 2)))
    assert not verdict.ok


async def test_nine_failures_in_a_row_are_a_small_computer_that_compiles() -> None:
    verdict, _ = await follow(Compiler(busy(), *[LOST] * 9, busy("a"), *[LOST] * 9, good("a")))
    assert verdict.ok


async def test_the_tenth_failure_in_a_row_is_a_failure() -> None:
    compiler = Compiler(busy(), LOST)
    with pytest.raises(RuntimeFailure, match="refused"):
        await follow(compiler)
    assert compiler.asked == 11


async def test_refused_credentials_end_the_wait_at_once() -> None:
    with pytest.raises(RuntimeFailure, match="password"):
        await follow(Compiler(RuntimeFailure(Kind.CREDENTIALS, "wrong password.", "x.")))


async def test_a_runtime_that_was_restarted_while_it_compiled_is_told() -> None:
    with pytest.raises(RuntimeFailure, match="restarted") as caught:
        await follow(Compiler(busy("a"), Compilation("IDLE", (), None)))
    assert caught.value.kind is Kind.COMPILE_FAILED


async def test_a_compile_without_end_is_given_up_with_what_it_means() -> None:
    with pytest.raises(RuntimeFailure, match="cannot be recalled") as caught:
        await follow(Compiler(busy()), deadline=0.05)
    assert caught.value.kind is Kind.TIMEOUT
