"""Who: workspaces, their members and API keys, and the identities usage belongs to."""
