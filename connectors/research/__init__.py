"""Many replays of the same markets under different settings, and what may be concluded from them."""
