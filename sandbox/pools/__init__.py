"""The pools that a sandbox starts with: planted, loaded from files or cloned."""
