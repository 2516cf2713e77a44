"""The sockets of the sandbox: HTTP, subscriptions, the price feed, and the clock of slots."""
