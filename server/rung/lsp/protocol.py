"""The server itself: where we differ from the library, and what all features share.

Invariant: a secret that a request carries reaches no log. The library's own loggers quote messages, so they are silent here.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import traceback
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from rung import __version__
from rung.lsp.documents import Documents
from rung.lsp.publisher import Publisher

if TYPE_CHECKING:
    from rung.lsp.commands import Session

logger = logging.getLogger(__name__)

MACHINE_COMMANDS: Final = tuple(
    f"rung.{name}"
    for name in (
        "targets", "addConnection", "removeConnection", "forgetCertificate", "discover", "connect", "createFirstUser",
        "compileAndDownload", "status", "start", "stop", "logs", "users", "createUser", "changePassword", "deleteUser", "setRole",
        "pull", "disconnect",
    )
)  # fmt: skip
"""Commands on machines."""
HUB_COMMANDS: Final = tuple(
    f"rung.{name}"
    for name in (
        "hubs", "addHub", "removeHub", "signInToHub", "signOutOfHub", "orchestrators", "renameOrchestrator", "deleteOrchestrator",
        "revokeOrchestrator", "enrol", "enrolAgain", "enrolment", "interfaces", "serialDevices", "createVplc", "renameVplc", "deleteVplc", "audit",
    )
)  # fmt: skip
"""Commands on hubs and what reports to them."""
BOARD_COMMANDS: Final = tuple(
    f"rung.{name}"
    for name in (
        "boards", "addPort", "removePort", "chooseBoard", "watchPorts", "connectBoard", "disconnectBoard", "flashBoard", "boardVariables",
        "forceBoardVariable", "releaseBoardVariable", "boardLog",
    )
)  # fmt: skip
"""Commands on microcontroller boards behind serial ports."""
COMMANDS: Final = (*MACHINE_COMMANDS, *HUB_COMMANDS, *BOARD_COMMANDS)


class RungProtocol(LanguageServerProtocol):
    """The library's protocol, but for three things.

    Positions count in UTF-16, which every client has to understand, so that one encoding is enough everywhere. A command gets its one
    object and its progress token, and a cancelled one ends by itself, with an answer. And the documents' texts are our own: the
    library would cut each into lines anew for every change.
    """

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        if params.capabilities.general is not None:
            params.capabilities.general.position_encodings = [types.PositionEncodingKind.Utf16]
        result: types.InitializeResult = yield from super().lsp_initialize(params)
        result.capabilities.execute_command_provider = types.ExecuteCommandOptions(
            list(COMMANDS), work_done_progress=True
        )
        return result

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # the library takes a coroutine as well, and can cancel it
        self, params: types.ExecuteCommandParams
    ) -> object:
        if params.command not in COMMANDS:
            raise JsonRpcInvalidParams(message=f"There is no command {params.command!r}.")
        given = self._converter.unstructure(params.arguments[0]) if params.arguments else {}
        server = self._server
        assert isinstance(server, RungServer)
        return await server.run_command(params.command, given, params.work_done_token)

    # Not generators as in the library, which would keep what became of every one of these notifications for ever.

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self.fm.features[types.TEXT_DOCUMENT_DID_OPEN](params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE](params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE](params)


class RungServer(LanguageServer):
    """The server, its documents, and its connections to machines (made when the first command asks for them)."""

    def __init__(self) -> None:
        super().__init__("rung", __version__, protocol_cls=RungProtocol)
        self.publisher = Publisher(self)
        self.documents = Documents(self.publisher.check, self.complain)
        self.closed = False
        self._session: Session | None = None

    async def run_command(self, name: str, given: object, token: types.ProgressToken | None) -> Mapping[str, object]:
        """Carry out one of `COMMANDS` and return its answer."""
        # Loading the clients of machines takes a while, in which an edit must still be answered.
        commands = await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, "rung.lsp.commands")
        if self._session is None:
            self._session = commands.Session(self)
        answer: Mapping[str, object] = await self._session.run(name, given, token)
        return answer

    async def close(self) -> None:
        """Disconnect from every machine and begin nothing new."""
        self.closed = True
        self.documents.close()
        if self._session is not None:
            await self._session.close()

    def complain(self, text: str) -> None:
        """Show the user a sentence. It may quote a path or a file, of which no editor is to make a link that runs a command."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, text.replace("](", "] (")))

    def report_server_error(self, error: Exception, source: type[Exception]) -> None:
        """Log what went wrong inside, without the texts of errors: they may quote what was sent, and that can hold a password."""
        if not self.closed:
            logger.error("%s: %s\n%s", source.__name__, type(error).__name__, without_texts(error))


def without_texts(error: BaseException) -> str:
    """Return where an error and those that caused it came up, by file and line, without what they say."""
    places: list[str] = []
    data = getattr(error, "data", None)  # the library keeps the stack of what it caught there
    if isinstance(data, dict) and isinstance(data.get("traceback"), list):
        places += [str(line) for line in data["traceback"]]
    cause: BaseException | None = error
    while cause is not None:
        places += [*traceback.format_tb(cause.__traceback__), f"{type(cause).__name__}\n"]
        cause = cause.__cause__ or cause.__context__
    return "".join(places)
