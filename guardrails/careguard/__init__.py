"""Screening before dialogue, review after generation: the rails a clinician owns.

Nothing here knows about channels, Redis or Rasa, and nothing here opens a network connection.
"""
