"""Where a file is cut into units."""

from __future__ import annotations

import pytest

from rung.syntax.split import split


def pieces(text: str) -> list[str]:
    starts = split(text)
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


A = "PROGRAM a\nEND_PROGRAM\n"
F = "FUNCTION_BLOCK f\nEND_FUNCTION_BLOCK\n"
CONFIGURATION = (
    "CONFIGURATION c\nVAR_GLOBAL x : INT; END_VAR\nRESOURCE r ON PLC\nVAR_GLOBAL y : INT; END_VAR\n"
    "PROGRAM i WITH t : a;\nPROGRAM k : a;\nEND_RESOURCE\nEND_CONFIGURATION\n"
)


@pytest.mark.parametrize(
    "units",
    [
        [A, F],
        ["TYPE t : INT; END_TYPE\n", "VAR_GLOBAL x : INT; END_VAR\n", F, CONFIGURATION],
        ["(* about a *)\n" + A, "\n// about f\n{attribute 'x'}\n" + F],
        ["PROGRAM a END_PROGRAM (* its end *)\n", F],
        ["program a end_program;\n", "Function f : INT end_function\n"],
        ["PROGRAM a END_PROGRAM ", "PROGRAM b END_PROGRAM"],
        [A, "(*DBG: END_PROGRAM PROGRAM x *)\n(*FILE:*)\n"],
        ["PROGRAM a\r\nEND_PROGRAM\r\n", "PROGRAM b\r\nEND_PROGRAM\r\n"],
        ["PROGRAM a\nVAR_GLOBAL x : INT; END_VAR\nEND_PROGRAM\n", F],
    ],
)
def test_one_unit_for_each_declaration(units: list[str]) -> None:
    assert pieces("".join(units)) == units


@pytest.mark.parametrize(
    "hidden",
    [
        "(* END_PROGRAM *)", "// END_PROGRAM\n", "/* END_PROGRAM */", "'END_PROGRAM'", '"END_PROGRAM"', "{ END_PROGRAM }",
        "(* (* *) END_PROGRAM *)", "my_END_PROGRAM", "x.END_PROGRAM", "END_PROGRAM1", "PROGRAM : INT;", "{{ } END_PROGRAM }}",
        "(* a (* b *) {{ (char *)x }}",
    ],
)  # fmt: skip
def test_what_is_no_keyword_is_no_boundary(hidden: str) -> None:
    text = f"PROGRAM a\nx := 1;\n{hidden}\nEND_PROGRAM\n"
    assert pieces(text + F) == [text, F]


@pytest.mark.parametrize(
    "broken",
    [
        "PROGRAM a\nx := 1;\n",
        "FUNCTION_BLOCK a\nVAR x : INT;\n",
        "CONFIGURATION c\nPROGRAM i WITH t : a;\n",
        "TYPE t : STRUCT x : INT;\n",
        "PROGRAM a\nEND_FUNCTION\n",
        "PROGRAM a\nIF x THEN\n",
    ],
)
def test_a_missing_end_does_not_swallow_the_next_unit(broken: str) -> None:
    assert pieces(broken + "(* about f *)\n" + F + A) == [broken, "(* about f *)\n" + F, A]


def test_a_comment_that_is_never_closed_takes_the_rest() -> None:
    assert pieces("PROGRAM a (*\n" + F) == ["PROGRAM a (*\n" + F]


@pytest.mark.parametrize("text", ["", "\n", "(* only *)", "x := 1;"])
def test_a_text_without_declarations_is_one_unit(text: str) -> None:
    assert split(text) == [0]


def test_the_units_around_an_edit_stay_the_same() -> None:
    before = pieces(A + F + CONFIGURATION)
    after = pieces(A + F.replace("f\n", "f\nIF x THEN (* open *)\n") + CONFIGURATION)
    assert (before[0], before[2]) == (after[0], after[2])
