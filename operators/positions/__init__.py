"""Positions in bins, by number: what they hold and what they are worth."""
