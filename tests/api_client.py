"""A client of the API that signs in with a key and speaks JSON."""

from __future__ import annotations

from typing import Any

from django.test import Client


class ApiClient:
    """GET, POST, PATCH, DELETE with a bearer token; `.http` is Django's client."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = Client(headers=headers, raise_request_exception=False)

    def get(self, path: str, **query: Any):
        """Values that are lists become repeated parameters."""
        return self.http.get(path, query or None)

    def post(self, path: str, body: Any = None):
        return self._send("post", path, body)

    def patch(self, path: str, body: Any = None):
        return self._send("patch", path, body)

    def put(self, path: str, body: Any = None):
        return self._send("put", path, body)

    def delete(self, path: str):
        return self.http.delete(path)

    def _send(self, method: str, path: str, body: Any):
        if isinstance(body, bytes | str):  # sent as it is: malformed bodies
            sent = {"data": body, "content_type": "application/json"}
        else:
            data = {} if body is None else body
            sent = {"data": data, "content_type": "application/json"}
        return getattr(self.http, method)(path, **sent)
