"""Speed, measured: replay and quotes. Run with `make bench`; nothing here is asserted in a test."""
