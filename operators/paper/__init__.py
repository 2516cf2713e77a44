"""Positions in bins that nobody but us knows of: how deposits land on paper, earn, convert and come back."""
