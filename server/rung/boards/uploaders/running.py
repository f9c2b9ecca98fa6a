"""Follows an uploader that is a program of its own: how far it is, whether it still gets further, whether its board is still there.

Invariant: what the program writes is untrusted text; it reaches users only through `device_text.clean`, and only so much of it is kept.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rung.boards.process import Output, started
from rung.boards.progress import FlashProgress
from rung.boards.uploaders.row import Upload
from rung.boards.uploaders.sentences import PARTIAL, UNCHANGED, UNKNOWN
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure

_KEPT = 200_000
_LOOK_SECONDS = 0.2
_GONE_SECONDS = 3.0  # chips that speak USB themselves go and come back when they are restarted
_AGAIN = "Check the cable, plug the board in again, and upload again."
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")


class Meter(Protocol):
    """Reads from a program's output how far it is."""

    fraction: float | None
    """How much is done."""
    begun: bool | None
    """Whether the board has been changed; None: not known."""
    step: str
    """What goes on, for users."""

    def feed(self, text: str) -> bool:
        """Take more output; return whether it means that the program came further."""


class AnyOutput:
    """A meter for programs of whose output nothing is known: whatever they write means that they live."""

    def __init__(self, step: str) -> None:
        self.fraction: float | None = None
        self.begun: bool | None = None
        self.step = step

    def feed(self, text: str) -> bool:
        return bool(text)


@dataclass(frozen=True, slots=True)
class Heading:
    """A step of a program: the pattern that begins it, what users read, and whether it changes the board. Where the pattern has a group, that is
    the number of times that `each` will be written during the step."""

    pattern: str
    step: str
    changes: bool = True
    each: str = ""


class Bars:
    """A meter for programs that write a heading and a progress bar a step: percent, 50 times `#`, or a text of their own so many times.
    Steps come in their order."""

    def __init__(self, headings: Sequence[Heading], first: str) -> None:
        self.fraction: float | None = None
        self.begun: bool | None = False
        self.step = first
        self._headings = [(re.compile(heading.pattern), heading) for heading in headings]
        self._at = -1
        self._text = ""
        self._marks = self._of = 0

    def feed(self, text: str) -> bool:
        self._text = (self._text + text)[-20_000:]
        if self._of:
            self._marks += text.count(self._headings[self._at][1].each)
        further = False
        while self._at + 1 < len(self._headings):
            pattern, heading = self._headings[self._at + 1]
            match = pattern.search(self._text)
            if match is None:
                break
            self._at += 1
            self._text = self._text[match.end() :]
            self._of = int(match[1][:9]) if heading.each else 0
            self._marks = self._text.count(heading.each) if heading.each else 0
            self.step = heading.step
            self.begun = bool(self.begun) or heading.changes
            further = True
        if self._at < 0:
            return further
        now = (self._at + self._part()) / len(self._headings)
        if self.fraction is None or now > self.fraction:
            self.fraction = now
            return True
        return further

    def _part(self) -> float:
        if self._of:
            return min(self._marks / self._of, 1.0)
        percents = _PERCENT.findall(self._text)
        if percents:
            return min(float(percents[-1]) / 100, 1.0)
        return min(self._text.count("#") / 50, 1.0)


async def run_program(
    argv: Sequence[str],
    upload: Upload,
    *,
    title: str,
    folder: Path,
    meter: Meter | None = None,
    port: str | None = None,
    idle: float = 15.0,
    whole: float = 300.0,
    hint: str = "Check that the right board is chosen and that its cable carries data, then upload again.",
) -> Output:
    """Run a program to its end.

    Args:
        argv: the program's path and its arguments; no shell reads them.
        upload: told of the progress and of each line; its `cancel` stops the program.
        title: the program's name for users.
        folder: where it runs.
        meter: reads how far it is; without one, each output is a sign of life.
        port: the device that it writes to, if that must stay plugged in; not every program notices that it does not.
        idle: seconds without getting further after which it is ended.
        whole: seconds after which it is ended in any case.
        hint: what to do when a time limit has ended it before it changed anything.

    Returns:
        how it ended; an exit code other than 0 is for the caller to judge.

    Raises:
        RuntimeFailure: CANCELLED, TIMEOUT or LOST (unplugged) with what the board holds then, UPLOAD_REFUSED when the program does not start.
    """
    meter = meter or AnyOutput(f"{title} is at work")
    device = _Device(port)
    run = _Run(upload, meter)
    begin = time.monotonic()

    def failure() -> RuntimeFailure | None:
        """What speaks against going on."""
        now = time.monotonic()
        if upload.cancel.is_set():
            return RuntimeFailure(
                Kind.CANCELLED, f"The upload was stopped. {_left(meter)}", "Upload again when you are ready."
            )
        if device.gone_since is not None and now > device.gone_since + _GONE_SECONDS:
            where = clean(port or "", 200)
            return RuntimeFailure(
                Kind.LOST, f"The board on {where} was unplugged during the upload. {_left(meter)}", _AGAIN
            )
        if now < min(run.alive + idle, begin + whole):
            return None
        how = (
            f"got no further for {idle:.0f} seconds"
            if now < begin + whole
            else f"was not done after {whole:.0f} seconds"
        )
        return RuntimeFailure(
            Kind.TIMEOUT, f"{title} {how} and was ended. {_left(meter)}", _AGAIN if meter.begun else hint
        )

    if upload.cancel.is_set():
        raise RuntimeFailure(
            Kind.CANCELLED,
            f"The upload was stopped before {title} began. {UNCHANGED}",
            "Upload again when you are ready.",
        )
    async with contextlib.AsyncExitStack() as stack:
        try:
            process = await stack.enter_async_context(started(argv, folder))
        except OSError as error:
            raise RuntimeFailure(
                Kind.UPLOAD_REFUSED,
                f"{title} could not be started: {clean(str(error), 300)}. {UNCHANGED}",
                f"Install {title} again.",
            ) from None
        ended = asyncio.ensure_future(run.to_the_end(process))
        try:
            while not ended.done():
                if (stop := failure()) is not None:
                    raise stop
                await asyncio.wait({ended}, timeout=_LOOK_SECONDS)
                device.look()
            code = ended.result()
        finally:
            ended.cancel()
    return Output(code, *(part.text for part in run.parts))


@contextlib.contextmanager
def folder_with(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder of this upload alone with the compiled files in it, for a program to read; gone when the block is left, whatever happens.

    Raises:
        RuntimeFailure: it cannot be written, so nothing was sent to the board.
    """
    with contextlib.ExitStack() as stack:
        try:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="rung-upload-", ignore_cleanup_errors=True))
            for file, data in files.items():
                Path(name, file).write_bytes(data)
        except OSError as error:
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"The compiled program could not be written to a temporary folder ({error.strerror or 'no reason given'}). {UNCHANGED}",
                f"Make room on the disk of {tempfile.gettempdir()}, then upload again.",
            ) from None
        yield Path(name)


class _Device:
    """Whether the device that was there at the beginning is still the same one."""

    def __init__(self, port: str | None) -> None:
        self.gone_since: float | None = None
        self._port = port if sys.platform != "win32" else None
        self._was = self._now()

    def look(self) -> None:
        if self._was == self._now():
            self.gone_since = None
        elif self.gone_since is None:
            self.gone_since = time.monotonic()

    def _now(self) -> tuple[int, int, int] | None:
        if self._port is None:
            return None
        try:
            info = os.stat(self._port)
        except OSError:
            return None
        return info.st_dev, info.st_ino, info.st_rdev


class _Part:
    """One of the two outputs: its end, and the line that is not whole yet."""

    def __init__(self) -> None:
        self.text = ""
        self.line = ""


class _Run:
    """What a program has written so far."""

    def __init__(self, upload: Upload, meter: Meter) -> None:
        self.parts = (_Part(), _Part())
        self.alive = time.monotonic()
        self._upload = upload
        self._meter = meter

    async def to_the_end(self, process: asyncio.subprocess.Process) -> int:
        """Take what a program writes until it has ended, and return its exit code."""
        assert process.stdout is not None
        assert process.stderr is not None
        stdout, stderr = self.parts
        await asyncio.gather(self._read(process.stdout, stdout), self._read(process.stderr, stderr))
        return await process.wait()

    async def _read(self, stream: asyncio.StreamReader, part: _Part) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := await stream.read(4096):
            text = decoder.decode(chunk)
            part.text = (part.text + text)[-_KEPT:]
            if self._meter.feed(text):
                self.alive = time.monotonic()
                self._tell(None)
            *lines, part.line = re.split(r"[\r\n]+", part.line[-4000:] + text)
            for line in lines:
                # A program that draws its bar anew each time would fill the log with it.
                if line.strip() and not _PERCENT.search(line):
                    self._tell(clean(line, 500))

    def _tell(self, line: str | None) -> None:
        self._upload.progress(FlashProgress("upload", self._meter.fraction, self._meter.step, line))


def _left(meter: Meter) -> str:
    return UNKNOWN if meter.begun is None else PARTIAL if meter.begun else UNCHANGED
