"""From approved orders to transactions on chain, and what came of them."""
