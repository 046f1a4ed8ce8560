"""The errors of bot.

BedsideError
├── SettingsError          a setting is wrong or missing; the process must not start (exit code 2)
├── StartError             the machine is not ready (port in use, no Python 3.10, unwritable folder; exit code 2)
├── DialogueError          the dialogue process failed, was slow, or answered with nothing
├── AnswerError            the answering process failed or was slow
├── StoreError             the store refused or did not answer
└── ConversationError      the conversation is unknown, or the token does not fit it
"""

from __future__ import annotations


class BedsideError(Exception):
    """Base of every error that bot raises. Messages hold ids and remedies, never a patient's words."""


class SettingsError(BedsideError):
    """A setting is wrong or missing; the message names it and the remedy."""


class StartError(BedsideError):
    """The machine is not ready to start; the message says what is in the way and how to clear it."""


class DialogueError(BedsideError):
    """The dialogue process failed, was slow, or answered with nothing."""


class AnswerError(BedsideError):
    """The answering process failed or was slow."""


class StoreError(BedsideError):
    """The store refused or did not answer."""


class ConversationError(BedsideError):
    """The conversation is unknown, or the token does not fit it."""
