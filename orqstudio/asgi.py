"""Two rooms behind one port: metered calls in ASGI, all else Django under WSGI.

Django's own ASGI handler costs five to ten times its WSGI one per request (see
docs/performance.md), and a metered call must not wait for a thread.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

from a2wsgi import WSGIMiddleware
from django.conf import settings

from orqstudio.wsgi import application as django_application

# isort: split
# Django is set up by the import above; what follows imports its models.
from metering.gateway.app import is_metered, make_app
from metering.gateway.wiring import make_services
from orqstudio.web.whole_body import WholeBody

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

DJANGO_THREADS = 10

gateway = make_app(make_services, settings.BODY_MAX_BYTES)
_django: Any = django_application
_bridge: Any = WSGIMiddleware(_django, workers=DJANGO_THREADS)
django_bridge = WholeBody(_bridge, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

# All code is loaded now and stays: unless it is set aside, the garbage collector walks
# through it again and again while every call waits (0.15 s and more each time).
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a request to its room; the gateway's life is the server's."""
    if scope["type"] == "lifespan" or is_metered(scope.get("path", "")):
        await gateway(scope, receive, send)
    else:
        await django_bridge(scope, receive, send)
