"""Ground that knows nothing of our domain: environment, ids, money, PostgreSQL."""
