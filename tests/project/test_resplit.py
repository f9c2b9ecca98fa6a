"""Cutting a text again around an edit gives what cutting all of it gives."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from rung.project.resplit import resplit
from rung.syntax.split import split

PIECES = (
    "PROGRAM A\nVAR x : INT; END_VAR\nx := 1;\nEND_PROGRAM\n", "FUNCTION_BLOCK B\nEND_FUNCTION_BLOCK (* b *)\n", "TYPE T : INT; END_TYPE\n",
    "VAR_GLOBAL\n  g : INT;\nEND_VAR\n", "CONFIGURATION C\nPROGRAM P WITH T : A;\nEND_CONFIGURATION\n", "FUNCTION F : INT\n", "// note\n",
    "(* note *)\n", "(*", "*)", "/*", "*/", "{", "}", "'", '"', "\n", "\r\n", " ", "END_PROGRAM", "PROGRAM", "x", ";", "(*DBG: x *)\n", ":", "WITH",
)  # fmt: skip

texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(before=texts, removed=texts, typed=texts, after=texts)
@example(before=PIECES[0] * 4, removed="", typed="{", after="}" + PIECES[0] * 6)
@example(before=PIECES[0] * 4, removed="", typed="(* (*", after=PIECES[0] * 4 + "*)*)" + PIECES[0])
@example(before="{" + PIECES[0] * 4, removed="", typed="}", after=PIECES[0] * 6)
def test_every_edit_ends_in_the_same_units(before: str, removed: str, typed: str, after: str) -> None:
    old, new = before + removed + after, before + typed + after
    assert resplit(old, split(old), new) == split(new)


def test_an_edit_in_the_middle_looks_at_its_surroundings_only() -> None:
    old = PIECES[0] * 1000
    middle = old.index("x := 1", len(old) // 2)
    new = old[:middle] + "y" + old[middle:]
    starts = split(old)
    with patch("rung.project.resplit.split", side_effect=split) as cut:
        found = resplit(old, starts, new)
    assert found == split(new)
    assert [len(call.args[0]) for call in cut.call_args_list] < [len(PIECES[0]) * 8]
