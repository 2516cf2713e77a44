"""From approved commands to the bytes of signed transactions: instructions, messages, and templates of them."""
