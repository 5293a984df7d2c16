"""Uvicorn's HTTP/1.1, but that what cannot be parsed is answered in the envelope too.

It ends here, before any application is asked, so browsers get the JSON as well.
"""

from __future__ import annotations

import json

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

UNREADABLE = (
    "The request is not valid HTTP/1.1. In an address, a character outside ASCII must "
    "be percent-encoded."
)


class EnvelopeProtocol(HttpToolsProtocol):
    """One connection."""

    def send_400_response(self, msg: str) -> None:
        """Answer and close; uvicorn's own words would be plain text."""
        body = {"code": 3, "message": UNREADABLE, "error": UNREADABLE}
        content = json.dumps(body).encode()
        head = (
            b"content-type: application/json\r\n"
            b"content-length: %d\r\n"
            b"x-content-type-options: nosniff\r\n"
            b"connection: close\r\n\r\n" % len(content)
        )
        self.transport.write(STATUS_LINE[400] + head + content)
        self.transport.close()
