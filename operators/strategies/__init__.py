"""Trading strategies: one small class each, with a kernel or a plain Python function."""
