"""Recordings: files, the journal that becomes them, and the data check."""
