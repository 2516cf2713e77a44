"""Feeds: what brings market events into the inbox, each a small class over one reactor."""
