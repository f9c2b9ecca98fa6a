"""Names of tenants, users, orchestrators and vPLCs."""

from __future__ import annotations

import pytest

from rung.hub.store.names import checked_name, is_identifier, name_key, plain_words


@pytest.mark.parametrize("name", ["a", "Line 1", "9-axis_robot.v2", "Kläranlage Süd", "Насос", "包装线", "x" * 63])
def test_a_name_has_letters_of_any_language_digits_and_some_punctuation(name: str) -> None:
    assert checked_name("vPLC", name) == name
    assert name_key(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-x",
        ".x",
        "x ",
        "a/b",
        "a\\b",
        "x" * 64,
        "a\nb",
        "a\0b",
        "\ud800",
        "a\u202eb",
        "\u3164",
        "٣",
        "a\u200bb",
    ],
)
def test_what_cannot_be_a_name_is_refused_with_a_sentence_and_equal_to_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=r"The vPLC's name cannot be .*: it takes 1 to 63 letters"):
        checked_name("vPLC", name)
    assert name_key(name) == ""


@pytest.mark.parametrize(
    ("one", "other"), [("Line 1", "LINE 1"), ("Straße", "STRASSE"), ("Ｌine", "line"), ("a\u0308", "Ä")]
)
def test_names_are_compared_without_case_and_by_what_they_look_like(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_a_letter_that_is_written_in_two_parts_is_stored_in_one() -> None:
    assert checked_name("user", "Ja\u0308ger") == "Jäger"


def test_an_identifier_is_short_visible_ascii() -> None:
    assert is_identifier("0123456789ABCDEF" * 2)
    assert not any(is_identifier(text) for text in ("", "a b", "a\n", "é", "\0", "x" * 129, "\ud800"))


def test_an_agents_words_lose_what_a_database_cannot_hold() -> None:
    assert plain_words("pull failed:\n\tno\x00space\ud800left\x1b[31m", 100) == "pull failed:\n\tno�space�left�[31m"
    assert plain_words("x" * 50, 10) == "x" * 10
