"""Channels, inbox, turns and outbox: everything a patient's message passes through."""
