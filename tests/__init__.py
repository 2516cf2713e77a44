"""Tests, laid out as the code is: tests/dlmm/test_swap.py tests dlmm/swap.py."""
