"""A Solana cluster in one process on loopback, with a market that trades in its pools."""
