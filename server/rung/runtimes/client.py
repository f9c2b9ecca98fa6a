"""What a client of any runtime does: the seam between the connection, the deploy pipeline and the protocols below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from rung.codegen.artefact import Leaf
from rung.runtimes.accounts import Accounts
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.debug_values import Value
from rung.runtimes.machine import Compilation, LogPage, RuntimeStatus
from rung.runtimes.v4_upload import Source


class Variables(Protocol):
    """The variables of the program that a machine runs. One request is under way at a time."""

    async def md5(self) -> str | None:
        """The MD5 of the loaded program (32 lower-case hex digits), None when there is none."""

    async def read(self, leaves: Sequence[Leaf]) -> dict[str, Value]:
        """The values of variables by path; the leaves must be those of the program whose MD5 was answered."""

    async def force(self, leaf: Leaf, value: Value) -> None:
        """Hold a variable at a value until it is unforced or the program restarts."""

    async def unforce(self, leaf: Leaf) -> None:
        """Let the program write the variable again."""

    async def aclose(self) -> None:
        """Hang up."""


class Client(Protocol):
    """One machine. Every method raises RuntimeFailure with a sentence that says what is true of the machine then."""

    @property
    def address(self) -> Address:
        """Where it is reached."""

    @property
    def capabilities(self) -> Capabilities:
        """What it is and can do."""

    @property
    def accounts(self) -> Accounts | None:
        """Its users; None where they cannot be managed from here."""

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""

    async def create_first_user(self, username: str, password: str) -> None:
        """Create the account that a new machine has not yet."""

    async def login(self, username: str, password: str) -> None:
        """Log in; the credentials stay in memory and a login that ends is renewed with them."""

    async def logout(self) -> None:
        """End the login on both sides, as far as the machine answers at once."""

    async def status(self, stats: bool = False, timeout: float | None = None) -> RuntimeStatus:
        """The program's state, with the tasks' times where `stats` and where the machine measures them."""

    async def start(self) -> RuntimeStatus:
        """Start the program and wait until it runs, or until it is certain that it does not."""

    async def stop(self) -> RuntimeStatus:
        """Stop the program and wait until it is certain that none runs."""

    async def logs(self, after: int = 0) -> LogPage:
        """Log entries that follow the entry number `after`. A plain text log is numbered and time-stamped here."""

    async def upload(
        self,
        data: bytes,
        file_name: str,
        progress: Callable[[int, int], None] | None = None,
        source: Source | None = None,
    ) -> str:
        """Send a program, which the machine then compiles; `progress` is told the bytes sent and the bytes in all.

        Returns why the machine will not keep `source`, in its words; empty when it will, or is not made to keep any.
        """

    async def compilation(self) -> Compilation:
        """The machine's compile log and verdict on the program that was uploaded last."""

    async def project_name(self) -> str | None:
        """The name of the project whose program the machine holds; None where it does not tell one that can be relied on."""

    def variables(self) -> Variables:
        """A way to the variables of the running program; opened by its first question. The caller closes it."""

    async def project_snapshot(self) -> bytes:
        """The archive of the project's source that was sent with the program that the machine holds."""
