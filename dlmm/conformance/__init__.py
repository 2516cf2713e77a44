"""Checks of this package against golden vectors: rows that the real programs produced."""
