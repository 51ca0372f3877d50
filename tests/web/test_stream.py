"""Live updates: nothing is missed, nothing is told twice or to the wrong person, and the end is clean."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from django.test import Client

from mainstay.core import feed
from mainstay.core.feed import Item
from mainstay.core.models import FeedItem
from mainstay.faces.web import stream


def item(number: int, person_id: int | None = None) -> Item:
    return Item(number, "incidents", str(number), person_id, {})


async def taken(stream_of: AsyncGenerator[bytes], count: int) -> list[bytes]:
    return [await asyncio.wait_for(anext(stream_of), 5) for _ in range(count)]


def play(monkeypatch: pytest.MonkeyPatch, kept: list[Item], *, whole: bool = True) -> stream.Hub:
    """A hub over a feed of a list."""

    async def ask(call: object, *args: object) -> object:
        if call is feed.last_id:
            return kept[-1].id if kept else 0
        if call is feed.reaches_back_to:
            return whole
        if call in {feed.since, feed.everything_since}:
            return [one for one in kept if one.id > args[0]]  # type: ignore[operator]
        return call()  # type: ignore[operator]

    hub = stream.Hub()
    monkeypatch.setattr(stream, "ask", ask)
    monkeypatch.setattr(stream, "hub", hub)
    monkeypatch.setattr(stream, "EVERY", 0.01)
    monkeypatch.setattr(stream, "BEAT", 0.05)
    return hub


def test_a_stream_resumes_and_tells_each_event_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [item(1), item(2), item(3)]
    hub = play(monkeypatch, kept)

    async def run() -> list[bytes]:
        listener = await hub.join(None)
        body = stream.follow(listener, 1, lambda: True)
        first = await taken(body, 3)
        listener.offer(item(3))
        kept.append(item(4))
        then = await taken(body, 1)
        await body.aclose()
        return first + then

    got = asyncio.run(run())
    assert b"event: beat" in got[0]
    assert [part.split(b"\n")[0] for part in got[1:]] == [b"id: 2", b"id: 3", b"id: 4"]


def test_events_for_one_person_reach_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [])

    async def run() -> tuple[int, int]:
        mine, other = stream.Listener(1), stream.Listener(2)
        for listener in (mine, other):
            listener.offer(item(1, person_id=1))
        return mine.queue.qsize(), other.queue.qsize()

    assert asyncio.run(run()) == (1, 0)


def test_a_gap_asks_for_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = play(monkeypatch, [item(900)], whole=False)

    async def run() -> list[bytes]:
        body = stream.follow(await hub.join(None), 3, lambda: True)
        got = await taken(body, 2)
        await body.aclose()
        return got

    assert asyncio.run(run())[1] == stream.notice("reload")


def test_it_beats_and_ends_with_the_session_or_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = play(monkeypatch, [])
    answers = [True, False]

    async def run() -> tuple[list[bytes], list[bytes]]:
        ended = [part async for part in stream.follow(await hub.join(None), 0, lambda: answers.pop(0))]
        listener = await hub.join(None)
        body = stream.follow(listener, 0, lambda: True)
        await anext(body)
        hub.close()
        return ended, [part async for part in body]

    ended, closed = asyncio.run(run())
    assert [stream.notice("beat") in ended, ended[-1]] == [True, stream.notice("signed-out")]
    assert closed == []
    assert not hub._listeners


def test_a_browser_that_takes_nothing_is_told_to_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [])

    async def run() -> bool:
        listener = stream.Listener(None)
        for number in range(stream.QUEUE + 1):
            listener.offer(item(number))
        return listener.overrun

    assert asyncio.run(run())


def test_the_feed_knows_what_it_still_has(db: None) -> None:
    assert feed.reaches_back_to(0)
    feed.tell("incidents", 1)
    feed.tell("page", 2, person_id=None)
    first = FeedItem.objects.earliest("pk").pk
    assert [one.topic for one in feed.everything_since(first)] == ["page"]
    FeedItem.objects.filter(pk=first).delete()
    assert not feed.reaches_back_to(first - 1)
    assert feed.reaches_back_to(first)


def test_the_count_in_the_tab(ana: Client) -> None:
    found = ana.get("/attention").json()
    assert found["count"] == 2
    assert found["icon"].startswith("data:image/svg+xml,")
