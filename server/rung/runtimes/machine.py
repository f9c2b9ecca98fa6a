"""What a machine says of itself, as every kind of runtime client reports it. Plain data, already checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class PlcState(str, Enum):
    """The state of a PLC program (runtime protocol, sections 1.5 and 5.1); the values are what `plc` holds in JSON."""

    INIT = "INIT"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    ERROR = "ERROR"
    EMPTY = "EMPTY"
    TRANSITIONING = "TRANSITIONING"
    UNKNOWN = "UNKNOWN"
    COMPILING = "COMPILING"
    """Runtime v3 only: no program runs while it compiles one."""
    NO_RESPONSE = "NO_RESPONSE"
    """The web server answers, the part that runs the program did not within half a second."""
    CORE_DOWN = "CORE_DOWN"
    """The web server answers, but the part that runs the program is gone."""

    @property
    def sentence(self) -> str:
        """The state in words."""
        return _SENTENCES[self]

    @property
    def stands(self) -> bool:
        """Whether it is certain that no program runs and none is about to.

        False for `CORE_DOWN`, too: the device starts its core again within seconds, and a core that boots starts the
        program by itself (runtime protocol, section 5.1).
        """
        return self in (PlcState.STOPPED, PlcState.EMPTY, PlcState.ERROR, PlcState.COMPILING)


_SENTENCES = {
    PlcState.INIT: "the program is being loaded",
    PlcState.RUNNING: "the program runs",
    PlcState.STOPPED: "the program is stopped",
    PlcState.ERROR: "the program crashed or was stopped by the watchdog",
    PlcState.EMPTY: "no program is loaded",
    PlcState.TRANSITIONING: "the machine is starting or stopping",
    PlcState.COMPILING: "no program runs, for the machine is compiling one",
    PlcState.UNKNOWN: "the runtime does not say what it does",
    PlcState.NO_RESPONSE: "the runtime's core does not respond",
    PlcState.CORE_DOWN: "the runtime's core is not running",
}


@dataclass(frozen=True, slots=True)
class User:
    """An account on a machine. `role` is None where the machine has no roles."""

    id: int
    username: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class TaskTiming:
    """One task's measured times in microseconds; None where nothing was measured yet."""

    name: str
    scan_count: int | None
    overruns: int | None
    scan_time_min: int | None
    scan_time_max: int | None
    scan_time_avg: int | None
    cycle_time_min: int | None
    cycle_time_max: int | None
    cycle_time_avg: int | None
    cycle_latency_min: int | None
    cycle_latency_max: int | None
    cycle_latency_avg: int | None


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """The state and the tasks' times (empty unless asked for). `switch` is the mode switch's position, `run` or `stop`, if it has one."""

    state: PlcState
    tasks: tuple[TaskTiming, ...] = ()
    switch: str | None = None

    @property
    def plc(self) -> str:
        """The state's name as JSON carries it."""
        return self.state.value


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the device's log. `timestamp` is the device's clock and spelling."""

    id: int
    timestamp: str
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """Log entries in order. `restarted`: the runtime began to count anew, so these are all it has."""

    entries: tuple[LogEntry, ...]
    restarted: bool


@dataclass(frozen=True, slots=True)
class Compilation:
    """The device's compiler: `state` is IDLE, UNZIPPING, COMPILING, SUCCESS or FAILED, `log` everything it has said so far."""

    state: str
    log: tuple[str, ...]
    exit_code: int | None

    @property
    def finished(self) -> bool:
        """Whether the verdict is in."""
        return self.state in ("SUCCESS", "FAILED")

    @property
    def ok(self) -> bool:
        """The verdict, by state and exit code, never by the words in the log."""
        return self.state == "SUCCESS" and self.exit_code in (0, None)
