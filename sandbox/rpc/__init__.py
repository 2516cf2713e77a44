"""JSON-RPC methods, and the JSON in which a node writes accounts, transactions and blocks."""
