"""The errors of the desk.

BedsideError
├── AuditError             something could not be recorded, so it must not happen
├── OpenIdError            base of what can go wrong at the organisation's own sign-in
│   ├── ProviderAwayError      it does not answer, or not as one
│   └── ProviderRefusedError   it does not know the person, or what it says does not hold
└── StaffError             base of what can go wrong with an account
    ├── StaffExistsError       the sign-in name is taken
    ├── StaffNotFoundError     there is no such account
    └── WeakPasswordError      the password is too short or too long
"""

from __future__ import annotations

from bot.errors import BedsideError


class AuditError(BedsideError):
    """Something could not be recorded, so it must not happen."""


class OpenIdError(BedsideError):
    """Base of what can go wrong at the organisation's own sign-in; the message names no person."""


class ProviderAwayError(OpenIdError):
    """The provider does not answer, or not as one."""


class ProviderRefusedError(OpenIdError):
    """The provider does not know the person, or what it says does not hold."""


class StaffError(BedsideError):
    """Base of what can go wrong with an account; the message can be shown to the one who asked."""


class StaffExistsError(StaffError):
    """The sign-in name is taken."""


class StaffNotFoundError(StaffError):
    """There is no such account."""


class WeakPasswordError(StaffError):
    """The password is too short or too long."""
