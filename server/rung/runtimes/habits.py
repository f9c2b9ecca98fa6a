"""What each line of runtimes does with a program that is sent to it: one table, so that every sentence of a deploy is true there.

Facts from the runtime protocols: v4 sections 1.4, 4.3 and 5, v3 sections 3.6 and 4. `{name}` is the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rung.runtimes.capabilities import Line


@dataclass(frozen=True, slots=True)
class Habits:
    """How one line behaves.

    Attributes:
        compile_failed: what the machine does and has after a compile that failed.
        after_failed_compile: what to do then.
        compile_open: what may be true of a machine that nobody hears of while it compiles.
        compile_cancelled: what becomes of a compile that nobody waits for any more.
        after_cancelled_compile: what to do then.
        another_program: why a machine may run another program than the one that it has just taken.
        after_another_program: what to do then.
        after_crash: what to do when the program has crashed.
        says_what_it_holds: it can be asked for its program's MD5 while the program does not run.
        may_hide_its_program: which program runs may be impossible to read although the machine is sound.
    """

    compile_failed: str
    after_failed_compile: str
    compile_open: str
    compile_cancelled: str
    after_cancelled_compile: str
    another_program: str
    after_another_program: str
    after_crash: str
    says_what_it_holds: bool
    may_hide_its_program: bool


_CORRECT: Final = "See the compiler's messages, correct the program, and deploy again."

_V4_1: Final = Habits(
    compile_failed="The device stopped the machine and erased the program it had before, so it has none now.",
    after_failed_compile=_CORRECT,
    compile_open="it may still have its old program, be stopped with the new one, or have none",
    compile_cancelled="when it ends, the machine is stopped and has the new program, or none if the compile fails. It is not started.",
    after_cancelled_compile="Wait until the device has compiled, then start the program (rung start) or deploy again.",
    another_program="after a crash the runtime keeps the old program loaded",
    after_another_program="Restart the runtime service on the device; it then starts the new program by itself. Deploy again to verify it.",
    after_crash="Look at the device's log (rung logs), correct the program, restart the runtime service on the device, and deploy again.",
    says_what_it_holds=True,
    may_hide_its_program=False,
)
_V4_0: Final = Habits(
    compile_failed="The device stopped the machine and erased the program it had before, so it has none now.",
    after_failed_compile=_CORRECT,
    compile_open="it may still have its old program, run the new one, which it starts by itself, or be stopped without any",
    compile_cancelled="when it ends, the device starts the new program by itself; if the compile fails, the machine is stopped and has none.",
    after_cancelled_compile="Expect the machine to start. Wait until the device has compiled, then stop it (rung stop) if it must not run.",
    another_program="the runtime did not exchange it, or somebody else has downloaded another one",
    after_another_program="Deploy again; if it stays so, restart the runtime service on the device.",
    after_crash="Look at the device's log (rung logs), correct the program, and deploy again.",
    says_what_it_holds=False,
    may_hide_its_program=False,
)
_V3: Final = Habits(
    compile_failed="The machine stands: the device stopped it before it compiled. It still has the program of before, and a start would "
    "run that one, under the new one's name.",
    after_failed_compile=f"Do not start it before a download has succeeded. {_CORRECT}",
    compile_open="the machine stands, and has the new program, or still the old one",
    compile_cancelled="the machine stands and is not started. When the compile ends it has the new program, or still the old one if it fails.",
    after_cancelled_compile="Deploy again before you start the machine: a start may run the old program.",
    another_program="an older process of the runtime may run on without its knowing, or another program of the device has the Modbus port",
    after_another_program="Stop the machine (rung stop) and deploy again. If it stays so, restart the runtime service on the device, and see "
    "that nothing else there uses its Modbus port.",
    after_crash="OpenPLC Runtime v3 keeps no reason. Look for an integer division by zero or an array index out of range, and deploy again.",
    says_what_it_holds=False,
    may_hide_its_program=True,
)
_HABITS: Final = {Line.V4_1: _V4_1, Line.V4_0: _V4_0, Line.V3: _V3, Line.V3_WEB: _V3}


def habits_of(line: Line) -> Habits:
    """How the runtimes of a line behave."""
    return _HABITS[line]
