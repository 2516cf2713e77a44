"""The edges: recordings, importers, feeds and results."""
