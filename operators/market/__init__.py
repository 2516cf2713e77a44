"""What a desk makes of a pool's rows before its strategies see them."""
