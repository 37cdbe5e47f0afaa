"""Sealing and signing."""

from __future__ import annotations

import pytest

from chatport.errors import ConfigurationError
from chatport.vault import Vault, new_secret


def test_sealed_value_opens_with_an_older_key_in_the_list() -> None:
    sealed = Vault(["old"]).seal({"password": "tops3cret"})
    assert "tops3cret" not in sealed
    assert Vault(["new", "old"]).open(sealed) == {"password": "tops3cret"}


def test_wrong_key_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Vault(["other"]).open(Vault(["old"]).seal(1))
    assert "CHATPORT_SECRET_KEY" in caught.value.action


def test_signature_is_bound_to_purpose_and_text() -> None:
    vault = Vault(["k"])
    signature = vault.sign("media", "7:100")
    assert vault.verify("media", "7:100", signature)
    assert not vault.verify("media", "8:100", signature)
    assert not vault.verify("session", "7:100", signature)
    assert not vault.verify("media", "7:100", "ä")
    assert Vault(["new", "k"]).verify("media", "7:100", signature)


def test_fingerprint_survives_adding_a_newer_key() -> None:
    assert Vault(["old"]).fingerprint("s") == Vault(["new", "old"]).fingerprint("s")


def test_generated_secret_is_32_hex_digits() -> None:
    assert len(new_secret()) == 32
    assert int(new_secret(), 16) >= 0
