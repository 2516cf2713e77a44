"""Limits, and the gate that holds every order against them."""
