"""Every command on both venues, and the books held against the chain."""
