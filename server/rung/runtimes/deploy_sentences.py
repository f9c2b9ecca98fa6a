"""What a user is told of a deploy that did not go through: each sentence says what the machine does now, as its line of runtimes does.

See docs/failed-deploys.md for the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rung.codegen.artefact import Artefact
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.habits import Habits
from rung.runtimes.machine import PlcState

_LEFT_OUT = re.compile(r"\[ERROR\] (Retain|Image): refusing [\w.]+ from upload: (.*?)\.?\s*$")


def question(name: str, address: Address, state: PlcState, foreign: str | None) -> str | None:
    """What the user is asked before anything is sent; None when nothing speaks against it.

    Args:
        name: the machine.
        address: where it is.
        state: what it does.
        foreign: the MD5 of the program it holds, if this workspace did not send that one.
    """
    facts: list[str] = []
    if not state.stands:
        runs = "is running a program" if state is PlcState.RUNNING else f"may be running a program ({state.sentence})"
        facts.append(f"{name} ({address}) {runs}.")
    if foreign is not None:
        where = "That program" if facts else f"The program on {name} ({address})"
        facts.append(
            f"{where} (MD5 {foreign[:8]}..) is not the one that this workspace downloaded last: it may be somebody else's."
        )
    if not facts:
        return None
    stops = "stops the machine and replaces" if not state.stands else "replaces"
    return f"{' '.join(facts)} The download {stops} that program. Continue?"


def declined(name: str, state: PlcState) -> RuntimeFailure:
    """The user said no."""
    now = "its program runs on." if state is PlcState.RUNNING else "it is as it was."
    return RuntimeFailure(
        Kind.CANCELLED, f"Nothing was sent to {name}: {now}", "Deploy when it may be stopped and its program replaced."
    )


def wrong_target(name: str, artefact: Artefact, capabilities: Capabilities) -> RuntimeFailure:
    """The program was built for another line of runtimes."""
    return RuntimeFailure(
        Kind.PROGRAM,
        f"This program was built for {artefact.target}, but {name} is an {capabilities.name} and takes {capabilities.target}. "
        "Nothing was sent.",
        f"Build it for {capabilities.target}.",
    )


def starts_anyway(name: str, capabilities: Capabilities) -> RuntimeFailure:
    """The program was not to be started, and this runtime would start it."""
    return RuntimeFailure(
        Kind.PROGRAM,
        f"{name} is an {capabilities.name}, which starts every program as soon as it has compiled it. So it cannot be downloaded "
        "without a start, and nothing was sent: the machine is as it was.",
        "Deploy when the machine may start.",
    )


def does_not_compile_here(name: str) -> RuntimeFailure:
    """The generated code does not compile on this computer."""
    return RuntimeFailure(
        Kind.COMPILE_FAILED,
        f"The generated code does not compile on this computer, so nothing was sent: {name} is as it was.",
        "See the compiler's messages. If your program is without errors, this is a defect of Rung: please report it.",
    )


def nothing_sent(name: str, failure: RuntimeFailure) -> RuntimeFailure:
    """The machine did not say what it does, so it was sent no program."""
    return RuntimeFailure(
        failure.kind, f"{failure.message} No program was sent to {name}: it is as it was.", failure.hint
    )


def not_taken(failure: RuntimeFailure) -> RuntimeFailure:
    """The machine would not have the upload from us, or we did not give it: it is not the one we know."""
    return RuntimeFailure(
        failure.kind,
        f"{failure.message} The program was not sent, or not taken: the machine keeps its old program.",
        failure.hint,
    )


def upload_broke(failure: RuntimeFailure, sent_all: bool) -> RuntimeFailure:
    """The connection broke during the upload."""
    if sent_all:
        now = "The program was sent, but whether the device takes it is not known: it may compile it and stop the machine."
    else:
        now = "The upload was not complete: the machine keeps its old program, if it still runs."
    return RuntimeFailure(failure.kind, f"{failure.message} {now}", failure.hint)


def compile_failed(name: str, habits: Habits, state: PlcState | None) -> RuntimeFailure:
    """The device could not compile the program; `state` is what the machine does now, None if it does not say."""
    if state is not None and not state.stands:
        # Runtime v4.0 may put in place, and start, what an earlier build has left behind.
        return RuntimeFailure(
            Kind.COMPILE_FAILED,
            f"{name} could not compile the program, and yet {state.sentence}: it is not this program but an older one.",
            f"Stop the machine (rung stop) if that one must not run. {habits.after_failed_compile}",
        )
    return RuntimeFailure(
        Kind.COMPILE_FAILED,
        f"{name} could not compile the program. {habits.compile_failed}",
        habits.after_failed_compile,
    )


def not_started(name: str, failure: RuntimeFailure, starts_by_itself: bool) -> RuntimeFailure:
    """The machine fell silent between its compile and the start."""
    now = "It starts by itself" if starts_by_itself else "It was not started"
    return RuntimeFailure(
        failure.kind,
        f"{failure.message} The new program is on {name}. {now}; the machine's state at this moment is not known.",
        failure.hint,
    )


def on_the_machine(failure: RuntimeFailure, name: str) -> RuntimeFailure:
    """A start that failed, where the download did not."""
    return RuntimeFailure(
        failure.kind, f"{failure.message} The download succeeded: the new program is on {name}.", failure.hint
    )


def start_unknown(failure: RuntimeFailure) -> RuntimeFailure:
    """The machine fell silent when it was told to start."""
    return RuntimeFailure(failure.kind, f"{failure.message} Whether the new program runs is not known.", failure.hint)


def did_not_start_itself(name: str, state: PlcState) -> RuntimeFailure:
    """A runtime that starts programs by itself did not."""
    return RuntimeFailure(
        Kind.START_FAILED,
        f"{name} has compiled the program and should have started it by itself, but {state.sentence}.",
        "Look at the device's log (rung logs), then start it (rung start).",
    )


def not_seen_again(name: str, failure: RuntimeFailure) -> RuntimeFailure:
    """The machine fell silent after its start, before it was certain that the program survives."""
    return RuntimeFailure(
        failure.kind,
        f"{failure.message} The new program is on {name} and was started; whether it still runs is not known.",
        failure.hint,
    )


def crashed(name: str, habits: Habits, state: PlcState) -> RuntimeFailure:
    """The program ended a moment after its start."""
    return RuntimeFailure(
        Kind.CRASHED, f"{name} started the program, and a moment later {state.sentence}.", habits.after_crash
    )


def not_ours(name: str, habits: Habits, ours: str, theirs: str | None) -> RuntimeFailure:
    """The machine took the program and runs another one."""
    running = f"MD5 {theirs[:8]}.." if theirs else "none"
    return RuntimeFailure(
        Kind.NOT_OURS,
        f"{name} took the new program (MD5 {ours[:8]}..), but the program in its memory is another one ({running}): "
        f"{habits.another_program}.",
        habits.after_another_program,
    )


def not_read_back(name: str, failure: RuntimeFailure) -> RuntimeFailure:
    """A program runs, and which one could not be read."""
    return RuntimeFailure(
        failure.kind,
        f"{name} reports that a program runs, but which one could not be read back: {failure.message}",
        failure.hint,
    )


def cancelled(name: str, stage: str, sent_all: bool, habits: Habits | None) -> tuple[str, str]:
    """What is true of a machine after a cancellation, and what to do."""
    hint = "Deploy again, or look at the machine (rung status)."
    if stage in ("connect", "build", "login") or habits is None:
        return f"Cancelled before anything was sent to {name}: the machine is as it was.", hint
    if stage == "upload" and not sent_all:
        return (
            f"The upload to {name} was cancelled before it was complete: the machine keeps its old program and state.",
            hint,
        )
    if stage in ("upload", "compile"):
        return (
            f"Cancelled while {name} compiles. The compile cannot be recalled: {habits.compile_cancelled}",
            habits.after_cancelled_compile,
        )
    if stage == "start":
        return f"Cancelled while {name} starts the new program.", hint
    return f"Cancelled before it was verified that {name} runs the new program.", hint


def left_out(log: Iterable[str]) -> list[str]:
    """What the device has left out of an upload that it took otherwise: it says so in the compile log and nowhere else."""
    found = (_LEFT_OUT.search(clean(line, 300)) for line in log)
    return [f"The machine did not take the settings for {match[1]}: {match[2]}." for match in found if match]
