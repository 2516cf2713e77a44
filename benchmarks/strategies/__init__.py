"""Let the three strategies trade side by side on a sandbox, with signed transactions."""
