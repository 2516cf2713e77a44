"""Decisions: pure cores and kernels, each with a thin Bytewax step over it."""
