"""The market: prices, traders, and their transactions."""
