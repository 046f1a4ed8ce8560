"""Measures what Bedside does on labelled messages, through the same functions that patients reach.

Beside the line: `bedside evaluate`. Reports hold numbers and row ids, never a text.
"""
