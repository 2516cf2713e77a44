"""Execution under faults: nothing lost, nothing doubled, the ledger equal to the chain."""
