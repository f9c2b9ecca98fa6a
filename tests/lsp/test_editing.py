"""Documents come, change and go; what is shown is always about what the editor and the disk hold now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types

from lsp.editor import Editor, editor

GOOD = "PROGRAM Main\nVAR\n    x : INT;\nEND_VAR\nx := x + 1;\nEND_PROGRAM\n"
BAD = GOOD.replace("x + 1;", "x + 1")
USER = "PROGRAM Main\nVAR\n    f : Filler;\nEND_VAR\nf();\nEND_PROGRAM\n"
FILLER = "FUNCTION_BLOCK Filler\nVAR\n    n : INT;\nEND_VAR\nn := n + 1;\nEND_FUNCTION_BLOCK\n"


def errors(params: types.PublishDiagnosticsParams) -> int:
    return sum(item.severity == types.DiagnosticSeverity.Error for item in params.diagnostics)


async def test_changes_in_parts_add_up(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        plc.type("main.st", 4, 10, "", instead_of=1)
        assert await plc.codes("main.st") == ["SYN002"]
        plc.type("main.st", 4, 9, "2 * x;", instead_of=1)
        assert await plc.codes("main.st") == []
        plc.replace("main.st", "// größer als 𝟙\n" + GOOD)
        plc.type("main.st", 0, len("// größer als ") + 2, " und gut")  # the sign takes two code units
        assert await plc.codes("main.st") == []


async def test_only_the_newest_text_is_reported_on(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize(debounce=40)
        plc.open("main.st")
        for number in range(30):
            plc.replace("main.st", BAD if number % 2 else GOOD)
            await asyncio.sleep(0.003)
        plc.replace("main.st", GOOD)
        assert await plc.codes("main.st") == []
        await asyncio.sleep(0.3)
        versions = [item.version for item in plc.shown]
        assert versions == sorted(versions, key=lambda version: version or 0)
        assert len(versions) < 10
        for item in plc.shown:
            assert errors(item) == (
                1 if item.version and item.version > 1 and item.version % 2 and item.version < 32 else 0
            )


async def test_a_closed_document_is_what_the_disk_holds(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        plc.open("main.st", BAD)
        assert await plc.codes("main.st") == ["SYN002"]
        plc.close("main.st")
        await plc.closed_problems("main.st", lambda codes: "SYN002" not in codes)


async def test_a_document_outside_the_workspace_leaves_no_problems_behind(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        outside = tmp_path / "elsewhere.st"
        outside.write_text(BAD, encoding="utf-8")
        await plc.initialize()
        plc.open(outside.as_uri(), BAD)
        assert await plc.codes(outside.as_uri()) == ["SYN002"]
        plc.close(outside.as_uri())
        await plc.closed_problems(outside.as_uri(), lambda codes: codes == [])


async def test_files_on_the_disk_come_change_and_go(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", USER)
        plc.write("filler.st", FILLER)
        watched = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        workspace = types.WorkspaceClientCapabilities(did_change_watched_files=watched)
        await plc.initialize(capabilities=types.ClientCapabilities(workspace=workspace))
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        assert plc.watches == ["workspace/didChangeWatchedFiles"]

        plc.write("filler.st", FILLER.replace("Filler", "Drainer"))
        plc.on_disk("filler.st", types.FileChangeType.Changed)
        await plc.until(lambda: True if plc.shown and errors(plc.shown[-1]) else None, 10)
        plc.write("filler.st", FILLER)
        plc.on_disk("filler.st", types.FileChangeType.Changed)
        await plc.until(lambda: True if not errors(plc.shown[-1]) else None, 10)
        (plc.folder / "filler.st").unlink()
        plc.on_disk("filler.st", types.FileChangeType.Deleted)
        await plc.until(lambda: True if errors(plc.shown[-1]) else None, 10)
        plc.write("lib/filler.st", FILLER)
        plc.on_disk("lib/filler.st", types.FileChangeType.Created)
        await plc.until(lambda: True if not errors(plc.shown[-1]) else None, 10)
        assert all(item.uri == plc.uri("main.st") for item in plc.shown)


async def test_what_the_editor_holds_counts_more_than_the_disk(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        plc.open("main.st", GOOD)
        assert await plc.codes("main.st") == []
        plc.write("main.st", BAD)
        plc.on_disk("main.st", types.FileChangeType.Changed)
        plc.replace("main.st", GOOD + "\n")
        assert await plc.codes("main.st") == []


async def test_two_programs_in_one_workspace_do_not_see_each_other(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("one/main.st", USER)
        plc.write("one/filler.st", FILLER)
        plc.write("two/main.st", USER)
        await plc.initialize()
        plc.open("one/main.st")
        plc.open("two/main.st")
        assert await plc.codes("one/main.st") == []
        assert await plc.codes("two/main.st") != []


async def test_a_program_of_its_own_inside_another_shows_its_problems_once(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", USER)
        plc.write("filler.st", FILLER)
        plc.write("cell/rung.toml", "")
        plc.write("cell/main.st", USER)
        await plc.initialize()
        plc.open("main.st")
        plc.open("cell/main.st")
        assert await plc.codes("main.st") == []
        assert await plc.codes("cell/main.st") != []
        (plc.folder / "cell/rung.toml").unlink()
        plc.on_disk("cell/rung.toml", types.FileChangeType.Deleted)
        plc.replace("cell/main.st", "(* nothing *)")
        assert await plc.codes("cell/main.st") == []
        # Between the two messages both were one program with two of the same name, which may have been shown for a moment.
        uri = plc.uri("main.st")
        await plc.until(lambda: errors([item for item in plc.shown if item.uri == uri][-1]) == 0 or None, 5)


async def test_a_file_that_rung_toml_leaves_out_is_a_program_of_its_own(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        plc.write("old/main.st", GOOD)
        plc.write("rung.toml", 'exclude = ["old"]')
        await plc.initialize()
        plc.open("main.st")
        plc.open("old/main.st")
        assert await plc.codes("main.st") == []
        assert await plc.codes("old/main.st") == []


async def test_a_broken_rung_toml_is_said_once(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        plc.write("rung.toml", "exclude = 1")
        await plc.initialize()
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        plc.replace("main.st", GOOD + "\n")
        assert await plc.codes("main.st") == []
        assert len(plc.messages) == 1
        assert "rung.toml" in plc.messages[0]


async def test_what_is_said_of_a_folder_holds_no_link(tmp_path: Path) -> None:
    async with editor(tmp_path / "[more](command:plc.stop)") as plc:
        plc.write("main.st", GOOD)
        plc.write("rung.toml", "exclude = 1")
        await plc.initialize()
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        assert len(plc.messages) == 1
        assert "[more] (command:plc.stop)" in plc.messages[0]


async def test_workspace_folders_may_change(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("lib/filler.st", FILLER)
        plc.write("app/main.st", USER)
        plc.write("top.st", "(* this folder holds Structured Text itself *)")
        await plc.initialize(plc.folder / "app")
        plc.open("app/main.st")
        assert await plc.codes("app/main.st") != []
        before = len(plc.shown)
        added = types.WorkspaceFolder(plc.folder.as_uri(), "all")
        removed = types.WorkspaceFolder((plc.folder / "app").as_uri(), "app")
        event = types.WorkspaceFoldersChangeEvent([added], [removed])
        plc.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
        await plc.until(lambda: True if len(plc.shown) > before and not errors(plc.shown[-1]) else None, 10)


async def test_an_untitled_document_is_checked_by_itself(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        plc.open("untitled:Untitled-1", BAD)
        assert await plc.codes("untitled:Untitled-1") == ["SYN002"]
        plc.replace("untitled:Untitled-1", GOOD)
        assert await plc.codes("untitled:Untitled-1") == []
        plc.replace("untitled:Untitled-1", BAD)
        assert await plc.codes("untitled:Untitled-1") == ["SYN002"]
        plc.close("untitled:Untitled-1")
        await plc.closed_problems("untitled:Untitled-1", lambda codes: codes == [])


async def test_other_kinds_of_documents_are_let_be(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        for uri in ("git:/plant/main.st?HEAD", "vscode-notebook-cell:/x#1"):
            plc.open(uri, BAD)
            plc.replace(uri, BAD)
            plc.close(uri)
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        assert {item.uri for item in plc.shown} == {plc.uri("main.st")}


async def test_names_are_explained_and_found_across_files(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", USER)
        plc.write("filler.st", FILLER)
        await plc.initialize()
        plc.open("main.st")
        document, at = types.TextDocumentIdentifier(plc.uri("main.st")), types.Position(2, 9)
        hover = await plc.client.text_document_hover_async(types.HoverParams(document, at))
        assert hover is not None
        assert isinstance(hover.contents, types.MarkupContent)
        assert "FUNCTION_BLOCK Filler" in hover.contents.value
        assert hover.range == types.Range(types.Position(2, 8), types.Position(2, 14))
        found = await plc.client.text_document_definition_async(types.DefinitionParams(document, at))
        assert found == types.Location(plc.uri("filler.st"), types.Range(types.Position(0, 15), types.Position(0, 21)))
        outline = await plc.client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
        assert outline is not None
        assert [item.name for item in outline] == ["Main"]


async def test_requests_see_the_text_as_typed_before_them(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize(debounce=5000)
        plc.open("main.st")
        plc.replace("main.st", GOOD.replace("INT", "REAL"))
        document = types.TextDocumentIdentifier(plc.uri("main.st"))
        hover = await plc.client.text_document_hover_async(types.HoverParams(document, types.Position(2, 4)))
        assert hover is not None
        assert isinstance(hover.contents, types.MarkupContent)
        assert "VAR x : REAL" in hover.contents.value


async def test_an_unknown_document_gets_empty_answers(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        await plc.initialize()
        await ask_about_nothing(plc, "nowhere.st")
        await ask_about_nothing(plc, "untitled:None")
        await ask_about_nothing(plc, "http://host/x.st")


async def ask_about_nothing(plc: Editor, name: str) -> None:
    document = types.TextDocumentIdentifier(plc.uri(name))
    at = types.Position(900, 900)
    assert await plc.client.text_document_hover_async(types.HoverParams(document, at)) is None
    assert await plc.client.text_document_definition_async(types.DefinitionParams(document, at)) is None
    assert not await plc.client.text_document_document_symbol_async(types.DocumentSymbolParams(document))


LONG = GOOD.replace("x : INT;", "x : INT;\n    text : STRING[200];").replace("x := x + 1;", "x := LEN(text);")


async def test_what_the_projects_target_cannot_do_is_shown_while_typing(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", LONG)
        plc.write("rung.toml", 'target = "openplc-v3"')
        await plc.initialize()
        plc.open("main.st")
        assert await plc.codes("main.st") == ["POR002"]
        plc.replace("main.st", LONG.replace("200", "100"))
        assert await plc.codes("main.st") == []
        plc.replace("main.st", LONG)
        assert await plc.codes("main.st") == ["POR002"]

        def shows(count: int) -> Callable[[], bool | None]:
            return lambda: len(plc.shown[-1].diagnostics) == count or None

        for target, problems in (("openplc-v4", 0), ("openplc-v3", 1)):
            plc.write("rung.toml", f'target = "{target}"')
            plc.on_disk("rung.toml", types.FileChangeType.Changed)
            await plc.until(shows(problems), 10)


async def test_a_setting_for_the_device_is_checked_with_the_program_as_it_is_edited(tmp_path: Path) -> None:
    located = "PROGRAM Main\nVAR\n    a AT %IX0.0 : BOOL;\nEND_VAR\nEND_PROGRAM\n"
    point = 'fc = 2\noffset = 0\niec_location = "%IX0.0"\nlen = 1\n'
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", located)
        plc.write("rung.toml", f'[[modbus_master]]\nname = "io"\nhost = "h"\n[[modbus_master.io_points]]\n{point}')
        await plc.initialize()
        plc.open("main.st")
        await plc.codes("main.st")
        assert not [item for item in plc.shown if item.uri == plc.uri("rung.toml") and item.diagnostics]
        plc.replace("main.st", located.replace("%IX0.0", "%IX0.1"))

        def shown() -> list[types.Diagnostic] | None:
            found = [item.diagnostics for item in plc.shown if item.uri == plc.uri("rung.toml")]
            return list(found[-1]) if found and found[-1] else None

        (finding,) = await plc.until(shown, 10)
        assert (finding.code, finding.range.start.line) == ("CFG003", 6)
        plc.write("rung.toml", "[modbus_slave]\nport = 70000\n")
        plc.on_disk("rung.toml", types.FileChangeType.Changed)
        await plc.until(lambda: ((found := shown()) and found[0].code == "CFG001") or None, 10)


async def test_a_key_of_rung_toml_that_cannot_be_used_is_a_problem_on_its_line(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        plc.write("rung.toml", 'exclude = []\ntarget = "openplc-v9"\n')
        await plc.initialize()
        plc.open("main.st")
        await plc.codes("main.st")

        def shown() -> list[types.Diagnostic]:
            found = [item.diagnostics for item in plc.shown if item.uri == plc.uri("rung.toml")]
            return list(found[-1]) if found else []

        (problem,) = shown()
        assert (problem.code, problem.range.start.line) == ("CFG001", 1)
        assert problem.message.startswith("'target' must be one of")
        plc.write("rung.toml", "exclude = []\n")
        plc.on_disk("rung.toml", types.FileChangeType.Changed)
        await plc.until(lambda: not shown() or None, 10)
