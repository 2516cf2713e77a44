"""What a cluster remembers: blocks, versions of accounts, blockhashes, transactions."""
