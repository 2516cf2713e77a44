"""Runs that are killed while they trade, and what the chain says of them."""
