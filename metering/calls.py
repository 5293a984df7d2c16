"""A metered call as the ledger knows it: its facts, and its one outcome. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from metering.pricing import Tokens


class Status(StrEnum):
    """LOST: the process died with the call; what it cost is not known."""

    OK = "ok"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call when it asks for admission.

    Attributes:
        id: ULID, also the id of its usage event and its hold.
        occurred_at: aware UTC instant of its arrival; decides its budget windows.
        external_id: whom it belongs to; empty when unattributed.
        project_id: the project of its API key; empty when it has none.
        matched_budget_ids: budgets whose expression held when it was admitted; they
            keep counting it whatever becomes of the expression.
    """

    id: UUID
    workspace_id: UUID
    occurred_at: datetime
    external_id: str
    api_key_id: UUID | None
    deployment_key: str
    operation: str
    provider_key: str
    model: str
    project_id: str = ""
    matched_budget_ids: tuple[UUID, ...] = ()


NOTHING = Tokens()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    Attributes:
        cost_usd: rounded once by pricing; None when it is not known.
        http_status: what the caller was answered; 0 when nobody was.
    """

    settled_at: datetime
    status: Status
    http_status: int
    tokens: Tokens = NOTHING
    cost_usd: Decimal | None = Decimal(0)
    price_source: str = ""
    is_estimated: bool = False
    error_code: str = ""
    latency_ms: int = 0
    ttft_ms: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
