"""What a device says is shown as one harmless line."""

from __future__ import annotations

import pytest

from rung.runtimes.device_text import clean


@pytest.mark.parametrize("hidden", [0x9B, 0x61C, 0x200B, 0x200E, 0x200F, 0x2028, 0x202E, 0x2066, 0xD800, 0xDFFF])
def test_characters_that_hide_turn_or_cannot_be_written_are_taken_out(hidden: int) -> None:
    assert ascii(clean(f"out{chr(hidden)}put")) == "'output'"


def test_ordinary_text_of_any_language_stays() -> None:
    assert clean("Förderband läuft, 速度 \U0001f600\t1") == "Förderband läuft, 速度 \U0001f600\t1"


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert clean("x" * 50, 10) == "xxxxxxx..."
