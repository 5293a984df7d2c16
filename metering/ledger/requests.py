"""What the ledger is asked, and what it answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from metering.admission import Account, Estimate, Refusal
from metering.calls import Call, Outcome
from metering.matching import Facts

NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Admit:
    """Ask to run a call.

    Attributes:
        facts: what expressions of budgets can see.
        is_queued: it stands at the head of a queue, so it need not queue up.
        is_last_try: it has waited long enough (or may not wait): answer now.
    """

    call: Call
    estimate: Estimate
    now: datetime
    facts: Facts = NO_FACTS
    is_queued: bool = False
    is_last_try: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """Report how a call ended; idempotent by call id."""

    call: Call
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Release:
    """Give a hold back for a call that never reached a provider; leaves no event."""

    call: Call


Request = Admit | Settle | Release


@dataclass(frozen=True, slots=True)
class Admission:
    """`refusal` None: run the call. `waits_for`: no answer yet, it must queue up.

    `call` is what to settle: it names the expressions that held.
    """

    call: Call
    refusal: Refusal | None
    waits_for: UUID | None = None
    shadow: tuple[Refusal, ...] = ()
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """`is_new` False: the call had been settled before; nothing was counted."""

    is_new: bool
    accounts: tuple[Account, ...] = ()


Answer = Admission | Settlement
