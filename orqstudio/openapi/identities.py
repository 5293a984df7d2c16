"""Identities, and contacts, their former name. Contract 3, 4 and 6."""

from __future__ import annotations

from identities.api import LIMIT_DEFAULT, LIMIT_MOST
from identities.filters import SORT_NAMES
from identities.models import EXTERNAL_ID_MAX
from identities.serializers import TAGS_MOST
from orqstudio.openapi.errors import RESOURCE_HEADERS
from orqstudio.openapi.operation import (
    Answer,
    Family,
    Parts,
    in_path,
    json_query,
    page_of,
    query,
    switch,
)
from orqstudio.openapi.schema import (
    Schema,
    external_id,
    list_of,
    map_of,
    moment,
    number,
    one_of,
    or_null,
    own_id,
    record,
    ref,
    text,
    whole,
)
from orqstudio.web.query import TEXT_MAX

IDENTITIES = Family(
    "Identities",
    "Whose usage is counted: people, customers, departments. They are addressed by "
    "`_id` or by your own `external_id`.",
    headers=RESOURCE_HEADERS,
)
CONTACTS = Family(
    "Contacts",
    "Identities under their former name, for clients before 4.10.",
    headers={
        **RESOURCE_HEADERS,
        "Deprecation": text("RFC 9745: since when."),
        "Link": text("RFC 5829: the same at `/v2/identities`."),
    },
    is_deprecated=True,
)
METRICS = switch(
    "include_metrics", "Add `metrics`: what it used in the last 30 x 24 hours."
)
BUDGET = switch("include_budget", "Add `budget`, where it has one.")
REF = in_path("id", text("The `_id` or the `external_id`.", minLength=1))
OLD_TAGS = [
    json_query(
        "filter_by",
        record({}, {"tags": list_of(text())}, additionalProperties=False),
        deprecated=True,
    ),
    query("tags", text("`a,b` or `['a', 'b']`."), deprecated=True),
]
LISTED = [
    *page_of(default=LIMIT_DEFAULT, most=LIMIT_MOST, cursor="`_id` or `external_id`"),
    query(
        "search",
        text("Part of external_id, display name or e-mail.", maxLength=TEXT_MAX),
    ),
    query("filter_by.tags", list_of(text(), "Tags that all must be there.")),
    query("sort_by", one_of([*SORT_NAMES], "Without it the newest come first.")),
    METRICS,
    BUDGET,
    *OLD_TAGS,
]


def paths() -> dict[str, Parts]:
    """Return the addresses of both families."""
    return {
        "/v2/identities": {"get": _list(IDENTITIES), "post": _create()},
        "/v2/identities/{id}": {**_read_and_change(IDENTITIES), "delete": _delete()},
        "/v2/contacts": {"get": _list(CONTACTS), "post": _create_contact()},
        "/v2/contacts/{id}": {
            **_read_and_change(CONTACTS),
            "delete": _delete_contact(),
        },
    }


def schemas() -> dict[str, Schema]:
    """Return the bodies of both families."""
    changeable = _changeable()
    own_key = external_id(
        EXTERNAL_ID_MAX,
        "Your own key of it, unique in the workspace; neither control characters nor "
        "spaces at the ends.",
    )
    return {
        "IdentityCreate": record({"external_id": own_key}, changeable),
        "IdentityUpdate": record(
            optional=changeable, description="Only what is there changes."
        ),
        "Identity": record(*_fields(), "A person, customer or department."),
        "IdentityBody": _both_shapes(),
        "IdentityList": list_body("Identity"),
        "IdentityMetrics": record(
            {
                "total_cost": number("US dollars."),
                "total_tokens": whole(0),
                "total_requests": whole(0, description="Failed ones included."),
                "error_rate": number("Failed calls among all.", maximum=1),
            },
            description="The last 30 x 24 hours. Refused calls count nowhere.",
        ),
    }


def list_body(item: str) -> Schema:
    """Return the body of a list in pages."""
    return record(
        {
            "object": one_of(["list"]),
            "data": list_of(ref(item)),
            "has_more": {
                "type": "boolean",
                "description": "Whether more rows lie in the direction asked for.",
            },
        }
    )


def _changeable() -> dict[str, Schema]:
    tag = text(minLength=1, maxLength=120)
    return {
        "display_name": or_null(text("`null` or empty clears it.", maxLength=255)),
        "email": _or_nothing(text(format="email", maxLength=320)),
        "avatar_url": _or_nothing(text("http or https.", format="uri", maxLength=2048)),
        "tags": or_null(list_of(tag, "Replaced whole.", maxItems=TAGS_MOST)),
        "metadata": or_null(map_of({}, "Anything of yours; replaced whole.")),
    }


def _or_nothing(schema: Schema) -> Schema:
    """Return the schema of a text that `null` and the empty one clear."""
    return {"anyOf": [schema, {"enum": ["", None]}]}


def _fields() -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Return what every record has, and what is left out where there is none."""
    required = {
        "_id": own_id(),
        "external_id": text("Your own key of it."),
        "workspace_id": own_id(),
        "tags": list_of(text()),
        "metadata": map_of({}),
        "created": moment(),
        "updated": moment(),
    }
    optional = {
        "display_name": text(),
        "email": text(),
        "avatar_url": text(),
        "metrics": ref("IdentityMetrics"),
        "budget": ref("EmbeddedBudget"),
    }
    return required, optional


def _both_shapes() -> Schema:
    required, optional = _fields()
    return record(
        {**required, "identity": ref("Identity")},
        optional,
        "The record flat, for clients before 4.10, and again under `identity`.",
    )


def _list(family: Family) -> Parts:
    of_contacts = family is CONTACTS
    name = "contacts" if of_contacts else "identities"
    always = "Every item has `metrics`." if of_contacts else ""
    return family.operation(
        f"list_{name}",
        f"List {name}",
        description=always
        or "Clients of the official SDKs before 4.10 get `metrics` unasked.",
        parameters=LISTED,
        answers={200: Answer("One page.", ref("IdentityList"))},
    )


def _create() -> Parts:
    location = {"Location": text("Its address.")}
    return IDENTITIES.operation(
        "create_identity",
        "Create an identity",
        description="Unknown fields are left out, `budget` among them.",
        body=ref("IdentityCreate"),
        answers={201: Answer("Created.", ref("IdentityBody"), location)},
        errors=[409],
    )


def _create_contact() -> Parts:
    location = {"Location": text("The address of the identity.")}
    return CONTACTS.operation(
        "create_contact",
        "Create a contact",
        description="For clients of the official SDKs from 4.2 to 4.9 it also changes "
        "one that exists, and answers 200.",
        body=ref("IdentityCreate"),
        answers={
            200: Answer("Created or changed.", ref("IdentityBody")),
            201: Answer("Created.", ref("IdentityBody"), location),
        },
        errors=[409],
    )


def _read_and_change(family: Family) -> dict[str, Parts]:
    name = "contact" if family is CONTACTS else "identity"
    kind = "a contact" if family is CONTACTS else "an identity"
    return {
        "get": family.operation(
            f"retrieve_{name}",
            f"Retrieve {kind}",
            parameters=[REF, METRICS, BUDGET],
            answers={200: Answer("The record.", ref("IdentityBody"))},
            errors=[404],
        ),
        "patch": family.operation(
            f"update_{name}",
            f"Change {kind}",
            description="Only the fields sent change; the `external_id` never does.",
            parameters=[REF],
            body=ref("IdentityUpdate"),
            needs_body=False,
            answers={200: Answer("The record as it is now.", ref("IdentityBody"))},
            errors=[404],
        ),
    }


def _delete() -> Parts:
    return IDENTITIES.operation(
        "delete_identity",
        "Delete an identity",
        description="Its budget goes with it; its usage stays, and counts again when "
        "the `external_id` comes back.",
        parameters=[REF],
        answers={
            200: Answer("Deleted.", record(maxProperties=0)),
            204: Answer("Deleted; for the official SDKs before 4.10."),
        },
        errors=[404],
    )


def _delete_contact() -> Parts:
    return CONTACTS.operation(
        "delete_contact",
        "Delete a contact",
        parameters=[REF],
        answers={204: Answer("Deleted.")},
        errors=[404],
    )
