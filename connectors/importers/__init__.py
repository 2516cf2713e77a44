"""Importers: make recordings of foreign tables, refusing and counting the rows that cannot be believed."""
