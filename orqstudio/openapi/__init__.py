"""The API described as an OpenAPI 3.1 document, and the page that shows it.

One module a resource, written by hand in the words of `schema` and `operation`; limits
and names are taken from the code that enforces them. What keeps it true is
tests/openapi: every route is here, every answer of every API test fits.
"""
