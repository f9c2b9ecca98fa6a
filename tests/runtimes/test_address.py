"""Addresses as users type them, and their one spelling."""

from __future__ import annotations

import pytest

from rung.runtimes.address import Address


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("192.168.0.10", "192.168.0.10:8443"),
        ("192.168.0.10:9443", "192.168.0.10:9443"),
        ("  Line3.Factory.Example  ", "line3.factory.example:8443"),
        ("line3.", "line3:8443"),
        ("press_2:443", "press_2:443"),
        ("https://line3", "line3:8443"),
        ("https://line3:443/", "line3:443"),
        ("HTTPS://LINE3", "line3:8443"),
        ("::1", "[::1]:8443"),
        ("[::1]", "[::1]:8443"),
        ("[FE80::0:1]:9000", "[fe80::1]:9000"),
        ("fe80::1%eth0", "[fe80::1%eth0]:8443"),
        ("https://[2001:db8::7]:1234", "[2001:db8::7]:1234"),
        ("presse-süd", "xn--presse-sd-x9a:8443"),
        ("http://line3", "http://line3:8080"),
        ("HTTP://Line3:80/", "http://line3:80"),
        ("http://[fe80::1]", "http://[fe80::1]:8080"),
    ],
)
def test_every_way_of_writing_an_address_has_one_spelling(text: str, spelling: str) -> None:
    address = Address.parse(text)
    assert str(address) == spelling
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("ftp://line3", "scheme"),
        ("line3:0", "1 to 65535"),
        ("line3:65536", "1 to 65535"),
        ("line3:", "1 to 65535"),
        ("line3:84 43", "1 to 65535"),
        ("300.1.1.1", "0 to 255"),
        ("192.168.1", "four numbers"),
        ("line 3", "host name"),
        ("-line3", "host name"),
        ("a" * 64, "host name"),
        ("[::1", "IPv6"),
        ("[line3]:8443", "IPv6"),
        ("1:2:3", "IPv6"),
        ("fe80::1%", "zone"),
        ("https://line3/webvisu", "path"),
        ("line3\r\nX: y", "host name"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        Address.parse(text)
    assert str(caught.value).endswith(".")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="password") as caught:
        Address.parse("https://admin:hunter2@line3")
    assert "hunter2" not in str(caught.value)


def test_the_zone_of_an_ipv6_address_stays_on_this_computer() -> None:
    assert Address.parse("fe80::1%eth0").authority == "[fe80::1]:8443"


def test_the_default_port_can_be_another_one() -> None:
    assert Address.parse("line3", default_port=8080).port == 8080


def test_only_an_address_that_says_http_is_not_encrypted() -> None:
    assert Address.parse("line3").is_encrypted
    assert Address.parse("line3:8080").is_encrypted
    assert not Address.parse("http://line3").is_encrypted
    assert Address.parse("http://line3:8443") != Address.parse("line3:8443")
