"""Saved hubs, the tokens for them, and what a vPLC behind one is called."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest

from rung.runtimes.address import Address
from rung.runtimes.credentials import delete_hub_token, get_password, set_hub_token
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import TOKEN_VARIABLE, Hub, Hubs, HubStore, checked_token
from rung.runtimes.profiles import Profile, ProfileStore, resolve_target
from runtimes.test_credentials import MemoryKeyring
from scripted_hub import TOKEN, make_hub_identity

PLANT = Hub("Plant", "hub.example", 8444)


@pytest.fixture
def secrets() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


# -- what is saved -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://hub.example:8444", ("hub.example", 8444)),
        ("HUB.example", ("hub.example", 8444)),
        ("https://hub.example:443/", ("hub.example", 443)),
        ("[::1]:9", ("::1", 9)),
    ],
)
def test_a_hub_is_a_host_and_a_port(url: str, place: tuple[str, int]) -> None:
    hub = Hub.parse("plant", url)
    assert (hub.host, hub.port) == place


@pytest.mark.parametrize(
    ("name", "url", "word"),
    [
        ("plant", "http://hub.example", "https"),
        ("plant", "https://hub.example/editors", "path"),
        ("plant", "https://chief:secret@hub.example", "password"),
        ("a/b", "https://hub.example", "name of a hub"),
        (" plant", "https://hub.example", "name of a hub"),
        ("", "https://hub.example", "name of a hub"),
    ],
)
def test_what_is_no_hub_is_refused_with_a_sentence(name: str, url: str, word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        Hub.parse(name, url)
    assert "secret" not in str(caught.value)


def test_a_hub_is_found_again_by_name_and_place(tmp_path: Path) -> None:
    ca = make_hub_identity(tmp_path, "hub").ca
    HubStore().add(Hub.parse("Plant", "hub.example", ca, "chief"))
    assert HubStore().get("plant") == Hub("Plant", "hub.example", 8444, ca, "chief")
    assert HubStore().at("hub.example", 8444) == HubStore().get("PLANT")
    assert HubStore().at("hub.example", 443) is None
    assert HubStore().remove("PLANT")
    assert not HubStore().remove("Plant")


def test_one_place_has_one_name() -> None:
    HubStore().add(PLANT)
    with pytest.raises(ValueError, match="saved already, as the hub Plant"):
        HubStore().add(Hub("other", "hub.example", 8444))
    HubStore().add(Hub("plant", "hub2.example"))
    assert [hub.host for hub in HubStore().list()] == ["hub2.example"]


def test_the_file_holds_no_secret(secrets: MemoryKeyring) -> None:
    HubStore().add(PLANT)
    hubs = Hubs()
    hubs.sign_in(PLANT, TOKEN)
    set_hub_token(PLANT.url, None, TOKEN)
    assert json.loads(HubStore().path.read_text()) == {
        "version": 1,
        "hubs": {"Plant": {"url": "https://hub.example:8444", "ca": None, "user": None}},
    }


@pytest.mark.parametrize(
    "damage", ["{", '{"hubs": []}', '{"hubs": {"a": {}}}', '{"hubs": {"a": {"url": "h", "ca": "x"}}}']
)
def test_a_damaged_file_is_named_and_not_taken_for_empty(configuration: Path, damage: str) -> None:
    configuration.mkdir()
    (configuration / "hubs.json").write_text(damage)
    with pytest.raises(RuntimeFailure, match=r"hubs\.json"):
        HubStore().list()


# -- which certificate counts --------------------------------------------------------------------------------------


def test_a_hub_is_always_verified_by_authority_and_name(tmp_path: Path) -> None:
    own = Hub("plant", "hub.example", ca=make_hub_identity(tmp_path, "hub").ca).context()
    public = PLANT.context()
    for context in (own, public):
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    # with an authority of its own the system's do not count
    assert [row["subject"] for row in own.get_ca_certs()] == [((("commonName", "hub authority"),),)]


@pytest.mark.parametrize(
    "ca", ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x" * 300_000]
)
def test_a_file_that_holds_no_authority_is_refused(ca: str) -> None:
    with pytest.raises(ValueError, match="PEM"):
        Hub.parse("plant", "hub.example", ca)


# -- tokens --------------------------------------------------------------------------------------------------------


def test_a_token_in_memory_comes_before_the_keyring(secrets: MemoryKeyring) -> None:
    HubStore().add(PLANT)
    set_hub_token(PLANT.url, None, "rung_from-the-keyring")
    hubs = Hubs()
    assert hubs.token(PLANT) == "rung_from-the-keyring"
    hubs.sign_in(PLANT, TOKEN)
    assert hubs.token(PLANT) == TOKEN
    hubs.sign_out(PLANT)
    assert hubs.token(PLANT) == "rung_from-the-keyring"


def test_the_editor_s_hubs_look_for_tokens_nowhere(secrets: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    HubStore().add(PLANT)
    set_hub_token(PLANT.url, None, TOKEN)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert Hubs(system=False).token(PLANT) is None


def test_the_environment_s_token_goes_to_the_only_hub_and_to_no_other(
    secrets: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert Hubs().token(PLANT) is None
    HubStore().add(PLANT)
    assert Hubs().token(PLANT) == TOKEN
    HubStore().add(Hub("other", "other.example"))
    assert Hubs().token(PLANT) is None


def test_the_keyring_s_token_is_that_of_the_hub_and_its_user(secrets: MemoryKeyring) -> None:
    set_hub_token(PLANT.url, "chief", TOKEN)
    assert secrets.rows == {("rung hub", "chief@https://hub.example:8444"): TOKEN}
    assert get_password(Address("hub.example", 8444), "chief") is None
    assert Hubs().token(PLANT) is None
    assert delete_hub_token(PLANT.url, "chief")
    assert not delete_hub_token(PLANT.url, "chief")


def test_without_a_token_it_is_said_how_to_sign_in(secrets: MemoryKeyring) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]  # keyring's own class is not typed
    with pytest.raises(RuntimeFailure) as caught:
        Hubs().client(PLANT)
    assert caught.value.kind is Kind.CREDENTIALS
    assert "rung hub login Plant" in caught.value.hint


@pytest.mark.parametrize("token", ["", "short", "two words of it", "rung_a\r\nX: y", "rung_" + "ü" * 20, "x" * 600])
def test_what_can_be_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        checked_token(token)
    assert caught.value.kind is Kind.CREDENTIALS
    assert token == "" or token not in str(vars(caught.value))
    assert checked_token(f"  {TOKEN}\n") == TOKEN


# -- what a vPLC is called -----------------------------------------------------------------------------------------


def test_a_vplc_is_named_by_its_orchestrator_while_there_is_one_hub() -> None:
    HubStore().add(PLANT)
    behind = Address("hub.example", 8444, "hub", "Hall 1/Press")
    assert resolve_target("Hall 1/Press", ProfileStore()) == Profile("Plant/Hall 1/Press", behind)
    assert resolve_target("plant / Hall 1 / Press", ProfileStore()) == Profile("Plant/Hall 1/Press", behind)
    assert str(behind) == "hub://hub.example:8444/Hall%201/Press"
    HubStore().add(Hub("other", "other.example"))
    with pytest.raises(ValueError, match="HUB/ORCHESTRATOR/VPLC"):
        resolve_target("Hall 1/Press", ProfileStore())
    assert resolve_target("Plant/Hall 1/Press", ProfileStore()).address == behind


def test_a_saved_connection_may_lead_to_a_vplc() -> None:
    store = ProfileStore()
    store.add(Profile("press", Address.parse("hub://hub.example/Hall 1/Press"), "admin"))
    assert resolve_target("press", store).address == Address("hub.example", 8444, "hub", "Hall 1/Press")
    assert ProfileStore().list() == store.list()


@pytest.mark.parametrize("text", ["a/b", "plant/a/b/c", "nobody/a/b", "plant/../b", "plant/a/", "a/"])
def test_a_vplc_that_cannot_be_one_is_refused_with_a_sentence(text: str) -> None:
    if text != "a/b":
        HubStore().add(PLANT)
    with pytest.raises(ValueError, match=r"\.$"):
        resolve_target(text, ProfileStore())


@pytest.mark.parametrize(
    "text",
    ["hub://h/a", "hub://h/a/b/c", "hub://h", "hub://h/a/b?x", "hub://h/a/..", "hub://h/a%2Fb/c", "hub://h/a%0A/b"],
)
def test_an_address_behind_a_hub_has_two_names(text: str) -> None:
    with pytest.raises(ValueError, match=r"ORCHESTRATOR/VPLC|path"):
        Address.parse(text)


def test_an_address_behind_a_hub_has_one_spelling() -> None:
    address = Address.parse("hub://HUB.example/H%C3%A4lle 2/Press.1")
    assert str(address) == "hub://hub.example:8444/H%C3%A4lle%202/Press.1"
    assert Address.parse(str(address)) == address
    assert (address.is_encrypted, address.through_hub, address.authority) == (True, True, "hub.example:8444")


def test_a_hub_that_is_not_saved_is_not_spoken_to() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        Hubs().of(Address("hub.example", 8444, "hub", "a/b"))
    assert caught.value.kind is Kind.UNTRUSTED
