"""The Meteora program as the model engine runs it: accounts checked and changed, transfers and events, on `dlmm`'s arithmetic."""
