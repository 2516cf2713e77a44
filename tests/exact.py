"""What kernels must come to, in Python's own integers."""


def exact_cost(out: int, price: int, *, swap_for_y: bool) -> int:
    """What goes in for an amount out at a Q64.64 price, rounded up."""
    return -(-(out << 64) // price) if swap_for_y else -(-out * price // (1 << 64))
