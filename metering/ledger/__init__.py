"""The ledger: the only writer of holds, windows, usage events and their sums."""
