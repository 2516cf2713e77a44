"""Feeds under faults: what is passed on, and how late."""
