"""The commands of `dlmm-hft`, one module each."""
