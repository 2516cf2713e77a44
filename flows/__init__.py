"""Wiring only: the dataflows, their settings and the command line."""
