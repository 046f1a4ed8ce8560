"""The errors of actions; those of cases stand in `actions.handoff.errors`.

ActionsError
├── VaultError             a key is missing or wrong, or a sealed text was changed
├── SettingsError          a setting is wrong or missing; one sentence with the remedy
├── IndexNotPrepared       passages have no vectors yet; the set-up has not run since they changed
├── ModelUnavailable       a language model cannot be loaded or reached
└── ModelGaveUp            a language model ended without a usable draft: too slow, too long or broken

A wrong content file is a `careguard.errors.DataFileError`, a missing embedder a `careguard.errors.EmbedderUnavailable`.
"""

from __future__ import annotations


class ActionsError(Exception):
    """Base of every error that actions raises. Messages hold ids and remedies, never a patient's words."""


class VaultError(ActionsError):
    """A vault key is missing or wrong, or a sealed text was changed."""


class SettingsError(ActionsError):
    """A setting is wrong or missing."""


class IndexNotPrepared(ActionsError):  # noqa: N818  (reads as a state)
    """Passages have no vectors yet; the set-up has not run since they changed."""


class ModelUnavailable(ActionsError):  # noqa: N818  (reads as a state)
    """The language model cannot be loaded or reached."""


class ModelGaveUp(ActionsError):  # noqa: N818  (reads as an event)
    """The language model ended without a usable draft."""
