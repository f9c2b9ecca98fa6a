"""From the JSON of OpenPLC Runtime v4 to plain data. Every field is checked: a device is not believed, it is read.

The functions return None where a value is not what the protocol says (runtime protocol, sections 1.3 to 1.6).
"""

from __future__ import annotations

from rung.runtimes.device_text import clean
from rung.runtimes.machine import Compilation, LogEntry, PlcState, RuntimeStatus, TaskTiming, User

_MOST_TASKS = 256
_STATES = {f"STATUS:{state.value}": state for state in PlcState}
_SWITCH = ("run", "stop")
_BUILD_FAILED = "Build failed"
_LAST_STEP = ("Cleanup finished", "Cleanup failed")


def status(answer: dict[str, object]) -> RuntimeStatus | None:
    """The state; None when the text belongs to another command, as happens after a late answer (section 1.5)."""
    state = plc_state(answer.get("status"))
    if state is None:
        return None
    switch = answer.get("switchPosition")
    return RuntimeStatus(state, _tasks(answer.get("timing_stats")), switch if switch in _SWITCH else None)


def plc_state(text: object) -> PlcState | None:
    """The state that a status text names. The trailing newline of `STATUS:ERROR\\n` is what tells a dead core from a crash."""
    if text == "STATUS:ERROR\n":
        return PlcState.CORE_DOWN
    if text == "No response from runtime":
        return PlcState.NO_RESPONSE
    if not isinstance(text, str) or not text.startswith("STATUS:"):
        return None
    return _STATES.get(text.strip(), PlcState.UNKNOWN)


def compilation(answer: dict[str, object]) -> Compilation | None:
    """The device's compile log and verdict."""
    state, log, exit_code = answer.get("status"), answer.get("logs"), answer.get("exit_code")
    if not isinstance(state, str) or not isinstance(log, list):
        return None
    if not (exit_code is None or (isinstance(exit_code, int) and not isinstance(exit_code, bool))):
        return None
    lines = tuple(clean(line.rstrip("\r\n")) for line in log if isinstance(line, str))
    return Compilation(state, lines, exit_code) if len(lines) == len(log) else None


def judged_by_log(found: Compilation) -> Compilation:
    """The verdict of Runtime v4.0, whose steps overwrite each other's: it compiles, stops the program, then puts the new one in place.

    After a failed compile the last step may still succeed, with what an earlier build left behind, and then SUCCESS is said;
    and SUCCESS of the first step is seen before the others have been taken (section 1.4).
    """
    if any(_BUILD_FAILED in line for line in found.log):
        return Compilation("FAILED", found.log, 1) if found.finished else found
    if found.ok and not any(step in line for line in found.log for step in _LAST_STEP):
        return Compilation("COMPILING", found.log, None)
    return found


def log_entries(answer: dict[str, object]) -> tuple[LogEntry, ...] | None:
    """Log entries in ascending order of their numbers."""
    rows = answer.get("runtime-logs")
    if not isinstance(rows, list):
        return None
    entries: list[LogEntry] = []
    for row in rows:
        if not isinstance(row, dict):
            return None
        number, texts = row.get("id"), [row.get(key) for key in ("timestamp", "level", "message")]
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        timestamp, level, message = (clean(text) if isinstance(text, str) else "" for text in texts)
        entries.append(LogEntry(number, timestamp, level, message))
    return tuple(sorted(entries, key=lambda entry: entry.id))


def user(answer: object) -> User | None:
    """An account."""
    if not isinstance(answer, dict):
        return None
    number, name, role = answer.get("id"), answer.get("username"), answer.get("role")
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(name, str):
        return None
    return User(number, clean(name, 200), clean(role, 40) if isinstance(role, str) else None)


def message(answer: object) -> str:
    """What the device says of a refusal, fit to be shown, or an empty text."""
    for key in ("msg", "error", "message"):
        text = answer.get(key) if isinstance(answer, dict) else None
        if isinstance(text, str):
            return clean(text, 200)
    return ""


def _tasks(timing: object) -> tuple[TaskTiming, ...]:
    if not isinstance(timing, dict):
        return ()
    rows = timing.get("tasks")
    if isinstance(rows, list):
        return tuple(_task(row) for row in rows[:_MOST_TASKS] if isinstance(row, dict))
    # Runtime v4.0 measures its one cycle and gives it no name; zeros before the first scan are no measurement.
    return (_task({**timing, "name": "cycle"}),) if _number(timing.get("scan_count")) else ()


def _task(row: dict[str, object]) -> TaskTiming:
    name = row.get("name")
    return TaskTiming(
        clean(name, 80) if isinstance(name, str) else "",
        *(
            _number(row.get(key))
            for key in (
                "scan_count",
                "overruns",
                "scan_time_min",
                "scan_time_max",
                "scan_time_avg",
                "cycle_time_min",
                "cycle_time_max",
                "cycle_time_avg",
                "cycle_latency_min",
                "cycle_latency_max",
                "cycle_latency_avg",
            )
        ),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
