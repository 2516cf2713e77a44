"""Swaps through several pools in one transaction: rounds and exchanges."""
