"""Answers of the gateway's small reads, kept for less than a second."""

from __future__ import annotations

import asyncio

from metering.gateway.store import Kept


async def test_calls_that_ask_at_once_share_one_query():
    kept, queries, may_answer = Kept(), [], asyncio.Event()

    async def load():
        queries.append("asked")
        await may_answer.wait()
        return "row"

    callers = [asyncio.create_task(kept.get("key", load)) for _ in range(64)]
    await asyncio.sleep(0)
    may_answer.set()
    assert await asyncio.gather(*callers) == ["row"] * 64
    assert queries == ["asked"]


async def test_a_caller_that_leaves_takes_the_answer_from_nobody():
    kept, may_answer = Kept(), asyncio.Event()

    async def load():
        await may_answer.wait()
        return "row"

    first = asyncio.create_task(kept.get("key", load))
    second = asyncio.create_task(kept.get("key", load))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    may_answer.set()
    assert await second == "row"
    assert first.cancelled()


async def test_an_error_reaches_all_who_asked_and_is_not_kept():
    kept, answers = Kept(), [ValueError("down"), "row"]

    async def load():
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    first, second = kept.get("key", load), kept.get("key", load)
    failed = await asyncio.gather(first, second, return_exceptions=True)
    assert [str(error) for error in failed] == ["down", "down"]
    assert await kept.get("key", load) == "row"
