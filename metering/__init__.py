"""How much: usage events, budgets, prices, and the gateway that meters calls."""
