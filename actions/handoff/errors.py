"""The errors of handoff.

ActionsError
└── CaseError              base of what can go wrong with a case
    ├── CaseNotFoundError      there is no such case; erased meanwhile, or never there
    ├── AlreadyClaimedError    another person holds the case; names the holder
    ├── NotHolderError         only the holder may do that
    ├── CaseClosedError        the case is resolved
    ├── CannotLeaveError       the patient cannot leave the queue with this case
    └── ReplyGoneError         the reply has left the desk and cannot be taken back
"""

from __future__ import annotations

from actions.errors import ActionsError


class CaseError(ActionsError):
    """Base of what can go wrong with a case."""

    def __init__(self, case_id: str, problem: str) -> None:
        self.case_id = case_id
        super().__init__(f"case {case_id}: {problem}")


class CaseNotFoundError(CaseError):
    """There is no such case; erased meanwhile, or never there."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id, "not found")


class AlreadyClaimedError(CaseError):
    """Another person holds the case."""

    def __init__(self, case_id: str, holder: str) -> None:
        self.holder = holder
        """Staff id of the one who holds it."""
        super().__init__(case_id, f"already claimed by {holder}")


class NotHolderError(CaseError):
    """Only the holder may do that."""

    def __init__(self, case_id: str, holder: str | None) -> None:
        self.holder = holder
        super().__init__(case_id, f"held by {holder}" if holder else "not claimed by anyone")


class CaseClosedError(CaseError):
    """The case is resolved."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id, "already resolved")


class CannotLeaveError(CaseError):
    """The patient cannot leave the queue: an emergency or crisis stays, and so does a case that a person holds."""


class ReplyGoneError(CaseError):
    """The reply has left the desk, or was never there; it cannot be taken back."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id, "the reply has left the desk")
