"""What a v3 installation keeps: the table of programs, the program files, the settings.

Invariant: a file name in the table is one path component that this device made itself; a file is replaced whole or not at all.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rung.simulator.storage import DataFolderError, write_private

REST_FILE: Final = "webserver_program.st"
_FIRST_UPLOAD: Final = 1527184953  # the date that both rows of a new installation carry
_BLANK_TEXT: Final = b"""\
PROGRAM prog0
  VAR
    idle : BOOL;
  END_VAR
  idle := FALSE;
END_PROGRAM

CONFIGURATION Config0
  RESOURCE Res0 ON PLC
    TASK Main(INTERVAL := T#50ms, PRIORITY := 0);
    PROGRAM Inst0 WITH Main : prog0;
  END_RESOURCE
END_CONFIGURATION
"""


@dataclass(slots=True)
class ProgramRow:
    """One row of the Programs table; `uploaded` in seconds since 1970."""

    id: int
    name: str
    description: str
    file: str
    uploaded: int


@dataclass(slots=True)
class Settings:
    """The Settings table; a port of None is "disabled"."""

    modbus_port: int | None = 502
    dnp3_port: int | None = None
    enip_port: int | None = 44818
    snap7: bool = True
    storage_polling_s: int | None = None
    start_run_mode: bool = False
    slave_polling_ms: int = 100
    slave_timeout_ms: int = 1000
    hostname: str = "plc"


@dataclass(slots=True)
class _Content:
    programs: list[ProgramRow] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    active: str = "blank_program.st"
    next_id: int = 18


class Installation:
    """One data folder. What is changed is kept by `save`."""

    def __init__(self, folder: Path, first_settings: Settings) -> None:
        """Open an installation, or make one with `first_settings`.

        Raises:
            DataFolderError: the table is there but is not ours.
        """
        self._path = folder / "installation.json"
        self._programs = folder / "st_files"
        self._programs.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._path.is_file():
            self._content = self._load()
        else:
            rows = [
                ProgramRow(1, "Blank Program", "Dummy empty program", "blank_program.st", _FIRST_UPLOAD),
                ProgramRow(17, "webserver_program", "Program uploaded via webserver", REST_FILE, _FIRST_UPLOAD),
            ]
            self._content = _Content(rows, first_settings)
            write_private(self.file("blank_program.st"), _BLANK_TEXT)
            self.save()

    @property
    def settings(self) -> Settings:
        """The settings; `save` after a change."""
        return self._content.settings

    @property
    def programs(self) -> list[ProgramRow]:
        """The rows of the Programs table, oldest first."""
        return self._content.programs

    @property
    def active(self) -> str:
        """The file of the program that was asked for last."""
        return self._content.active

    def activate(self, name: str) -> None:
        """Note which program file was asked for last, whether or not it compiles."""
        self._content.active = name
        self.save()

    def file(self, name: str) -> Path:
        """The path of a program file, or of the `.dbg` file beside it."""
        path = self._programs / name
        assert path.parent == self._programs, "names are made here, never taken from a client"
        return path

    def row(self, row_id: int) -> ProgramRow | None:
        """The program with this id."""
        return next((row for row in self.programs if row.id == row_id), None)

    def row_of(self, name: str) -> ProgramRow | None:
        """The program with this file."""
        return next((row for row in self.programs if row.file == name), None)

    def new_file(self, content: bytes) -> str:
        """Store an uploaded program under a random name."""
        while True:
            name = f"{1 + secrets.randbelow(1_000_000)}.st"
            if not self.file(name).exists():
                write_private(self.file(name), content)
                return name

    def add(self, name: str, description: str, file: str, uploaded: int) -> None:
        """Add a row for a stored file."""
        self.programs.append(ProgramRow(self._content.next_id, name, description, file, uploaded))
        self._content.next_id += 1
        self.save()

    def remove(self, row_id: int) -> None:
        """Remove a row; its file stays, as on a real v3."""
        self._content.programs = [row for row in self.programs if row.id != row_id]
        self.save()

    def save(self) -> None:
        """Keep what was changed."""
        write_private(self._path, json.dumps(asdict(self._content)).encode())

    def _load(self) -> _Content:
        try:
            content: dict[str, Any] = json.loads(self._path.read_bytes())
            rows = [ProgramRow(**row) for row in content["programs"]]
            return _Content(rows, Settings(**content["settings"]), str(content["active"]), int(content["next_id"]))
        except (ValueError, TypeError, KeyError) as error:
            raise DataFolderError(
                f"{self._path} was not written by this program. Delete it to begin anew, or name another folder with --data."
            ) from error


def shown_date(moment: int) -> str:
    """A date as the pages show it: `May 24, 2018 - 06:02PM`."""
    return time.strftime("%b %d, %Y - %I:%M%p", time.localtime(moment))
