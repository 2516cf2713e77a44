"""Carrying out approved orders: wallet, order journal, transactions, and the reports of what came of them."""
