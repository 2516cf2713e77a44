"""What a portfolio owns, owes and has earned, and how much of it an order may take."""
