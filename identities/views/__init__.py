"""The Studio's pages of identities, API keys and the person's own settings.

Views translate: HTTP in, one call, HTTP out.
"""
