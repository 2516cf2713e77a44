"""Ladders of liquidity: where they stand, when they move."""
