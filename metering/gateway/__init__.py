"""The ASGI application of metered calls; see metering/README.md for a call's life."""
