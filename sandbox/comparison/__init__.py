"""Runs the same random transactions on the model and on the true programs, and compares what they leave."""
