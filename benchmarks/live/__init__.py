"""How long an update takes from the socket to its decision."""
