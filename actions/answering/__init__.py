"""Retrieve, generate, review: one order in, one reviewed answer out."""
