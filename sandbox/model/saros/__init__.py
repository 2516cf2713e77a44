"""The Saros liquidity_book program of the model engine: checks, swaps, positions, bin arrays, events, compute units."""
