"""The deprecated resource `contacts`: identities under their former name.

Same table, same handlers; what differs is what clients 3.x and 4.2 to 4.9 expect.
Source: contract 4. `Deprecation` is RFC 9745, `successor-version` RFC 5829.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.utils.encoding import escape_uri_path
from rest_framework.request import Request
from rest_framework.response import Response

from identities.api import IdentityDetail, IdentityList, IdentityView
from identities.client_generation import upserts_contacts
from identities.models import Identity
from identities.serializers import (
    both_shapes,
    identity_record,
    read_new_identity,
)
from identities.services import put_identity

DEPRECATED_AT = datetime(2026, 1, 15, tzinfo=UTC)
"""The day the official clients got identities instead (4.2)."""


class ContactView(IdentityView):
    """Every answer, errors too, says where the successor is."""

    def finalize_response(
        self, request: Any, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Add `Deprecation` and `Link`."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        successor = request.path.replace("/contacts", "/identities", 1)
        link = f'<{escape_uri_path(successor)}>; rel="successor-version"'
        answer["Deprecation"] = f"@{DEPRECATED_AT.timestamp():.0f}"
        answer["Link"] = link
        return answer


class ContactList(ContactView, IdentityList):
    """`/v2/contacts`."""

    def post(self, request: Request) -> Response:
        """Create a contact; for clients 4.2 to 4.9 also update one that exists."""
        if not upserts_contacts(self.user_agent):
            return super().post(request)
        facts = read_new_identity(self.read_body())
        identity = put_identity(
            workspace=self.workspace,
            external_id=facts.pop("external_id"),
            facts=facts,
            source=Identity.Source.API,
        )
        return Response(both_shapes(identity_record(identity)), HTTPStatus.OK)

    def shows_metrics(self) -> bool:
        """Yes: every item of this list has them, asked for or not."""
        super().shows_metrics()  # the flag is read strictly all the same
        return True


class ContactDetail(ContactView, IdentityDetail):
    """`/v2/contacts/{_id or external_id}`."""

    def answers_no_content(self) -> bool:
        """Yes: whoever knows contacts expects 204."""
        return True
