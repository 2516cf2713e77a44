"""Builders of the Meteora program's instructions, equal byte for byte to what a client sends."""
