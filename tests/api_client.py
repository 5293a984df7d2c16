"""A client of the API that signs in with a key and speaks JSON.

Every answer it gets must be one that the OpenAPI document describes, and so must every
body that was accepted.
"""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.documented import check_exchange


class ApiClient:
    """GET, POST, PATCH, DELETE with a bearer token; `.http` is Django's client."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = Client(headers=headers, raise_request_exception=False)

    def get(self, path: str, **query: Any):
        """Values that are lists become repeated parameters."""
        return self._check("get", path, None, self.http.get(path, query or None))

    def post(self, path: str, body: Any = None):
        return self._send("post", path, body)

    def patch(self, path: str, body: Any = None):
        return self._send("patch", path, body)

    def put(self, path: str, body: Any = None):
        return self._send("put", path, body)

    def delete(self, path: str):
        return self._check("delete", path, None, self.http.delete(path))

    def _send(self, method: str, path: str, body: Any):
        if isinstance(body, bytes | str):  # sent as it is: malformed bodies
            sent = {"data": body, "content_type": "application/json"}
        else:
            data = {} if body is None else body
            sent = {"data": data, "content_type": "application/json"}
        answer = getattr(self.http, method)(path, **sent)
        return self._check(method, path, sent["data"], answer)

    def _check(self, method: str, path: str, sent: Any, answer: Any):
        check_exchange(
            method,
            path,
            sent,
            status=answer.status_code,
            headers=answer.headers,
            content=answer.content,
        )
        return answer
