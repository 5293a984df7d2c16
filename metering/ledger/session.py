"""The ledger's connection and the session it works in."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

_SESSION = (
    "-c statement_timeout=15000 -c TimeZone=UTC -c plan_cache_mode=force_generic_plan "
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
)
"""One plan for each statement, always by index: a batch touches few rows of tables
that can be small and full of dead rows, or huge; planning anew would cost the half
of its time."""


async def connect(conninfo: str) -> AsyncConnection[Any]:
    """Return a connection in autocommit mode.

    What the operator set for sessions in DATABASE_URL stays; ours comes after it.

    Raises:
        psycopg.OperationalError: PostgreSQL refuses, or does not answer in 3 seconds.
    """
    own = conninfo_to_dict(conninfo).get("options") or ""
    return await AsyncConnection.connect(
        conninfo,
        autocommit=True,
        connect_timeout=3,
        options=f"{own} {_SESSION}".strip(),
        application_name="orqstudio-ledger",
    )
