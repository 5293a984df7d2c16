"""Words for the operations of the document: parameters, bodies, answers, refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orqstudio.openapi.examples import find_example
from orqstudio.openapi.schema import Schema, flag, text, whole
from orqstudio.web.query import TEXT_MAX

JSON = "application/json"
ERRORS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    413: "TooLarge",
    503: "Unavailable",
}
"""Status -> name of the component that describes the refusal."""
ALWAYS = frozenset({400, 401, 403, 503})
"""What any resource may answer: a bad query, a key that is wrong or may too little,
a database that is away."""

Parts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer.

    Attributes:
        description: one sentence.
        schema: of its JSON body, None without one.
        headers: name -> schema of what comes beside those of every answer.
    """

    description: str
    schema: Schema | None = None
    headers: Mapping[str, Schema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """What the operations of one tag share.

    Attributes:
        tag: heading of the documentation.
        about: a sentence or two below it.
        refusals: status -> name of the component that describes it.
        headers: name -> schema of the headers of every answer.
        errors: statuses that all of them can answer.
        is_deprecated: whether new clients should use something else.
    """

    tag: str
    about: str
    refusals: Mapping[int, str] = field(default_factory=lambda: ERRORS)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    errors: frozenset[int] = ALWAYS
    is_deprecated: bool = False

    def operation(
        self,
        operation_id: str,
        summary: str,
        *,
        answers: Mapping[int, Answer],
        description: str = "",
        parameters: Sequence[Parts] = (),
        body: Schema | None = None,
        needs_body: bool = True,
        errors: Iterable[int] = (),
    ) -> Parts:
        """Return the description of one method at one address.

        Args:
            operation_id: as in the table of operations of the tests.
            summary: half a sentence.
            answers: status -> what comes when all goes well.
            description: paragraphs; code in backticks.
            parameters: of path, query and headers.
            body: of the request, None without one.
            needs_body: whether the request is nothing without its body.
            errors: statuses beside those of the family.
        """
        made: Parts = {
            "operationId": operation_id,
            "tags": [self.tag],
            "summary": summary,
        }
        if description:
            made["description"] = description
        if self.is_deprecated:
            made["deprecated"] = True
        if parameters:
            made["parameters"] = list(parameters)
        if body is not None:
            made["requestBody"] = _request(operation_id, body, is_needed=needs_body)
        found = {*errors, *self.errors} | ({413} if body is not None else set())
        made["responses"] = {
            **{
                str(status): self._answer(operation_id, status, answer)
                for status, answer in answers.items()
            },
            **{str(status): self._refusal(status) for status in sorted(found)},
        }
        return made

    def _answer(self, operation_id: str, status: int, answer: Answer) -> Parts:
        return response(
            answer.description,
            answer.schema,
            headers={**answer.headers, **self.headers},
            example=find_example(operation_id, str(status)),
        )

    def _refusal(self, status: int) -> Parts:
        name = self.refusals[status]
        return {"$ref": f"#/components/responses/{name}"}


def response(
    description: str,
    schema: Schema | None,
    *,
    headers: Mapping[str, Schema] | None = None,
    example: Any = None,
) -> Parts:
    """Return an answer; every header of it is always there unless it says otherwise."""
    made: Parts = {"description": description}
    if headers:
        made["headers"] = {name: _header(each) for name, each in headers.items()}
    if schema is not None:
        made["content"] = {JSON: _content(schema, example)}
    return made


def query(name: str, schema: Schema, **facts: Any) -> Parts:
    """Return a parameter of the query string; lists repeat the name."""
    return _parameter("query", name, schema, **facts)


def json_query(name: str, schema: Schema, **facts: Any) -> Parts:
    """Return a parameter of the query string whose text is JSON."""
    made = query(name, schema, **facts)
    inner = made.pop("schema")
    return {**made, "content": {JSON: {"schema": inner}}}


def header(name: str, schema: Schema, **facts: Any) -> Parts:
    """Return a header of the request."""
    return _parameter("header", name, schema, **facts)


def in_path(name: str, schema: Schema) -> Parts:
    """Return a part of the address."""
    return _parameter("path", name, schema, required=True)


def page_of(*, default: int, most: int, cursor: str) -> list[Parts]:
    """Return the parameters of a list that comes in pages."""
    return [
        query("limit", {**whole(1, most, "Rows of a page."), "default": default}),
        query("starting_after", cursor_text(f"{cursor} of the last row before it.")),
        query("ending_before", cursor_text(f"{cursor} of the first row after it.")),
    ]


def cursor_text(description: str) -> Schema:
    """Return the schema of a cursor."""
    return text(description, maxLength=TEXT_MAX, format="row")


def switch(name: str, description: str) -> Parts:
    """Return a query parameter that is true or false."""
    return query(name, flag(description))


def optional_header(schema: Schema) -> Schema:
    """Mark the header of an answer that is not always there."""
    return {**schema, "x-optional": True}


def _header(schema: Schema) -> Parts:
    facts = dict(schema)
    is_optional = facts.pop("x-optional", False)
    description = facts.pop("description", "")
    made: Parts = {"description": description} if description else {}
    return {**made, "required": not is_optional, "schema": facts}


def _parameter(place: str, name: str, schema: Schema, **facts: Any) -> Parts:
    inner = dict(schema)
    description = inner.pop("description", "")
    made: Parts = {"name": name, "in": place, **facts}
    if description:
        made["description"] = description
    return {**made, "schema": inner}


def _request(operation_id: str, body: Schema, *, is_needed: bool) -> Parts:
    example = find_example(operation_id, "request")
    return {"required": is_needed, "content": {JSON: _content(body, example)}}


def _content(schema: Schema, example: Any) -> Parts:
    return {"schema": schema} | ({} if example is None else {"example": example})
