"""Symbolic shapes: what flows on each edge of a design, found without running it."""
