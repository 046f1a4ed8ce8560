"""The vault: words of patients and staff are sealed before they reach the store, and opened after.

Stands between everything that keeps free text (cases, transcripts) and Redis.
"""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from actions.errors import VaultError


class Vault:
    """Seals and opens text with the first of its keys; older keys still open what they sealed."""

    def __init__(self, *keys: str | bytes) -> None:
        """Take one or more keys as `new_key` makes them, the newest first.

        Raises:
            VaultError: no key was given, or one is not 32 bytes in URL-safe base64.
        """
        if not keys:
            raise VaultError("the vault needs at least one key")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise VaultError("a vault key must be 32 bytes in URL-safe base64") from error

    @staticmethod
    def new_key() -> str:
        """Return a fresh random key."""
        return Fernet.generate_key().decode("ascii")

    def seal(self, text: str) -> str:
        """Return a token that only this vault's keys can open."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode("ascii")

    def open(self, token: str) -> str:
        """Return the text that was sealed.

        Raises:
            VaultError: the token was changed, or sealed with a key that this vault does not have.
        """
        try:
            return self._fernet.decrypt(token).decode("utf-8", "surrogatepass")
        except InvalidToken as error:
            raise VaultError("a sealed text cannot be opened with the keys at hand") from error
