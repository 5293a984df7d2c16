"""A client of the metered routes that looks at every answer with suspicion."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from orqstudio.web.json_body import read_object
from tests.documented import check_exchange
from tests.serving import PATIENCE_S

PROVIDER_SECRET = "sk-the-providers-own-secret"
INVOKE = "/v2/deployments/invoke"
CHAT = "/v2/router/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True)
class Answer:
    """An answer; header names in lower case, `body` parsed."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The inner error object."""
        return self.body["error"]


class GatewayClient:
    """Calls with one key; every answer is checked for nulls and secrets.

    And it must be one that the OpenAPI document describes.
    """

    def __init__(self, port: int, token: str | None) -> None:
        self.port = port
        self.token = token

    def invoke(self, whom: str | None = None, **body: Any) -> Answer:
        """Call a deployment, `demo` unless told otherwise."""
        sent = {"key": "demo", "context": {"environments": []}, **body}
        return self.post(INVOKE, sent, whom=whom)

    def chat(
        self, model: str = "orq/echo", whom: str | None = None, **body: Any
    ) -> Answer:
        """Call the router."""
        sent = {"model": model, "messages": HELLO, **body}
        return self.post(CHAT, sent, whom=whom)

    def post(
        self,
        path: str,
        body: Any,
        *,
        whom: str | None = None,
        headers: dict[str, Any] | None = None,
    ) -> Answer:
        """POST JSON, or bytes as they are."""
        sent = dict(headers or {})
        if whom is not None:
            sent["X-ORQ-IDENTITY-ID"] = whom
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.request("POST", path, raw, sent)
        if path != CHAT or answer.status != 200:  # a provider's words pass as they are
            require_no_nulls(answer.body)
        return answer

    def request(
        self, method: str, path: str, raw: bytes | None, headers: dict[str, Any]
    ) -> Answer:
        """Exchange one request."""
        sent = {"Content-Type": "application/json", **headers}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            content = response.read()
        assert PROVIDER_SECRET.encode() not in content
        found = {name.lower(): value for name, value in response.getheaders()}
        assert found["content-type"] == "application/json"
        is_good = response.status == HTTPStatus.OK
        if path != CHAT or not is_good:  # a provider's words pass as they are
            check_exchange(
                method,
                path,
                read_object(raw) if raw and is_good else None,
                status=response.status,
                headers=found,
                content=content,
            )
        return Answer(response.status, found, json.loads(content), content)


def require_no_nulls(value: Any, path: str = "") -> None:
    """Fail on any null but `error.param` and the content of a message."""
    if isinstance(value, dict):
        for name, inner in value.items():
            require_no_nulls(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            require_no_nulls(inner, f"{path}[]")
    else:
        allowed = (".error.param", ".choices[].message.content")
        assert value is not None or path in allowed, path


def require_envelope(answer: Answer, status: int, code: str) -> None:
    """Fail unless an error has the contract's shape (12.2)."""
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    assert isinstance(answer.body["code"], int)
    assert answer.body["message"] == answer.error["message"] != ""
    assert answer.error["type"].endswith("_error")
    assert answer.error["param"] is None
    assert answer.headers["x-orq-trace-id"]
