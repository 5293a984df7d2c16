"""What the fuzzer cannot know: texts that mean something, and which key is its own.

Loaded by schemathesis, see `tests.openapi.fuzz`.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies as st

from tests.openapi.fuzz import KEY_ID_VARIABLE

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-é", min_size=1, max_size=12)
HOSTS = st.sampled_from(["example.com", "a.b.example", "127.0.0.1:8000", "[::1]"])


@st.composite
def _addresses(draw: Any) -> str:
    scheme = draw(st.sampled_from(["http", "https", "HTTPS"]))
    return f"{scheme}://{draw(HOSTS)}/{draw(NAMES)}?{draw(NAMES)}#{draw(NAMES)}"


schemathesis.openapi.format("uri", _addresses())
schemathesis.openapi.format(
    "email", st.from_regex(r"\A[a-z0-9]{1,20}(\.[a-z]{1,9})?@[a-z]{1,20}\.(nl|com)\Z")
)
schemathesis.openapi.format("external-id", NAMES)
schemathesis.openapi.format("row", st.just(""))  # others are refused unless they exist
# mostly two days of the future: reports of minutes are short, expiries lie ahead
schemathesis.openapi.format(
    "date-time",
    st.one_of(
        st.datetimes(datetime(2099, 1, 1), datetime(2099, 1, 3)),  # noqa: DTZ001
        st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001
    ).map(lambda moment: f"{moment.isoformat()}Z"),
)
schemathesis.openapi.format(
    "cel",
    st.sampled_from(
        [
            "true",
            'identity == "user_1"',
            'model.startsWith("gpt") && provider != "openai"',
            'has(metadata.team) && metadata["team"] in ["a", "b"]',
            'headers["x-team"].matches("^[a-z]+$")',
            "identity",
            "1 / 0 == 1",
            "((((((identity))))))",
        ]
    ),
)
schemathesis.openapi.format("time-zone", st.sampled_from(sorted(available_timezones())))


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Give reports a range and budgets a limit, which no schema can ask for.

    Nor can it bound what several objects have together. What is wrong with a body
    stays wrong.
    """
    name = context.operation.definition.raw.get("operationId")
    if not isinstance(body, dict):
        return body
    for place in (body, body.get("orq")):
        for whose in ("identity", "contact"):
            _shorten(place, whose)
    if name == "query_report" and _are_texts(body, "from", "to"):
        body["from"], body["to"] = sorted([body["from"], body["to"]])
    if name == "create_budget" and not {"rate_limit", "rateLimit"} & set(body):
        body["rate_limit"] = {"requests_per_minute": 5}
    return body


def _shorten(place: Any, whose: str) -> None:
    """Of a list of metadata objects keep the first."""
    identity = place.get(whose) if isinstance(place, dict) else None
    metadata = identity.get("metadata") if isinstance(identity, dict) else None
    if isinstance(metadata, list) and all(isinstance(each, dict) for each in metadata):
        identity["metadata"] = metadata[:1]


def _are_texts(body: dict[str, Any], *names: str) -> bool:
    return all(isinstance(body.get(name), str) for name in names)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Keep the fuzzer from revoking the key it calls with."""
    key_id = os.environ[KEY_ID_VARIABLE]
    named = (case.path_parameters or {}).get("api_key_id", "")
    if str(named).upper() == key_id:
        case.path_parameters["api_key_id"] = "0" * len(key_id)
