"""The Meteora program as the model engine runs it, on `dlmm`'s arithmetic."""
