"""How long an order takes from its decision to the socket."""
