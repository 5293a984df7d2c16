"""The gateway's parts, made from Django's settings and database."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import connection

from metering.gateway.attribution import Profiles
from metering.gateway.auth import KeyRing
from metering.gateway.call import Services
from metering.gateway.catalog import Catalog
from metering.gateway.store import Store
from metering.gateway.upstream import Upstream, UpstreamSettings
from metering.ledger.actor import Ledger, LedgerSettings
from metering.ledger.spool import Spool
from orqstudio.lib.database_url import conninfo


def make_services() -> Services:
    """Return fresh services; called in the event loop that will use them."""
    database = conninfo(connection.settings_dict)
    store = Store(database)
    return Services(
        store=store,
        keys=KeyRing(store),
        catalog=Catalog(store),
        profiles=Profiles(store),
        ledger=make_ledger(database),
        upstream=Upstream(
            UpstreamSettings(
                timeout_s=settings.UPSTREAM_TIMEOUT_S,
                connect_timeout_s=settings.UPSTREAM_CONNECT_TIMEOUT_S,
                default_base_url=settings.OPENAI_BASE_URL,
                default_api_key=settings.OPENAI_API_KEY,
            )
        ),
        output_tokens_bound=settings.OUTPUT_TOKENS_BOUND,
        sends_retry_after=settings.RETRY_AFTER_ON_BUDGET,
    )


def make_ledger(database: str) -> Ledger:
    """Return a ledger on the database (a libpq connection string)."""
    return Ledger(
        LedgerSettings(database, settings.HOLD_LEASE_S, settings.HOLD_WAIT_S),
        Spool(Path(settings.DATA_DIR) / "spool"),
    )
