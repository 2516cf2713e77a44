"""From a wish to an order, and from the order to its end."""
