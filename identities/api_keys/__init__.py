"""The v2 resource `api-keys`."""
