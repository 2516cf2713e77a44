"""The research loop: a sweep over settings, planned, run on all cores and judged."""
