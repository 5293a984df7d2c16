"""The HTTP server: one listening socket, one or several uvicorn processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket

import uvicorn
from django.conf import settings
from uvicorn.supervisors import Multiprocess

from orqstudio.http_protocol import EnvelopeProtocol
from orqstudio.lib.errors import StartError

APPLICATION = "orqstudio.asgi:application"
KEEP_ALIVE_S = 75
"""Longer than the idle time of usual load balancers, so they close first."""


def listen(host: str, port: int) -> socket.socket:
    """Return the listening socket; connections wait in it until we serve.

    Raises:
        StartError: the port is in use, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number).lower() if number > 0 else str(error)
        message = f"Port {port} on {host} cannot be used: {reason}."
        raise StartError(message) from error


def serve(listener: socket.socket, *, workers: int) -> None:
    """Answer requests until SIGTERM or Ctrl-C; running calls finish (bounded)."""
    config = uvicorn.Config(
        APPLICATION,
        loop="uvloop",
        http=EnvelopeProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        workers=workers,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.STOP_TIMEOUT_S,
        timeout_notify=1,
        callback_notify=stop_when_orphaned,
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])


async def stop_when_orphaned() -> None:
    """Stop a worker whose supervisor was killed: it would hold the port for ever."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and not supervisor.is_alive():
        os.kill(os.getpid(), signal.SIGTERM)
