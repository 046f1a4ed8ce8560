"""The vault."""

from __future__ import annotations

import pytest

from actions.errors import VaultError
from actions.vault import Vault


def test_sealed_words_open_again_and_cannot_be_read_meanwhile() -> None:
    """What is sealed comes back whole, in any script."""
    vault = Vault(Vault.new_key())
    token = vault.seal("me duele el pecho 💔 \ud83d")
    assert "pecho" not in token
    assert vault.open(token) == "me duele el pecho 💔 \ud83d"


def test_an_old_key_still_opens_what_it_sealed() -> None:
    """Keys can be changed without losing a case."""
    old, new = Vault.new_key(), Vault.new_key()
    assert Vault(new, old).open(Vault(old).seal("words")) == "words"


@pytest.mark.parametrize("keys", [(), ("short",)], ids=["no key", "not a key"])
def test_a_vault_needs_a_key(keys: tuple[str, ...]) -> None:
    """A wrong key stops the start."""
    with pytest.raises(VaultError):
        Vault(*keys)


def test_a_strange_or_changed_token_is_refused() -> None:
    """What was changed or sealed elsewhere is never taken for words."""
    vault = Vault(Vault.new_key())
    for token in (Vault(Vault.new_key()).seal("words"), vault.seal("words")[:-4] + "AAAA", "nonsense"):
        with pytest.raises(VaultError):
            vault.open(token)
