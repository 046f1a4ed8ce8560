"""The error of importing.

ActionsError
└── ContentError           imported content cannot be read, kept or named as asked; one sentence with the remedy
"""

from __future__ import annotations

from actions.errors import ActionsError


class ContentError(ActionsError):
    """Imported content cannot be read, kept or named as asked."""
