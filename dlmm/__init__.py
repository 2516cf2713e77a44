"""Exact arithmetic, account layouts and instructions of the Saros and Meteora DLMM programs; no I/O."""
