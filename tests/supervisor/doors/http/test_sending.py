import asyncio

import pytest
from starlette.types import Message

from supervisor.doors.http.sending import Cut, Sender


def test_a_head_pieces_and_an_end() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        sender = Sender(send)
        await sender.start(200, {"a": "b"})
        await sender.piece(b"x")
        await sender.end()

    asyncio.run(run())
    assert sent == [
        {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]},
        {"type": "http.response.body", "body": b"x", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]


def test_one_who_reads_nothing_is_let_go_at_once() -> None:
    async def send(message: Message) -> None:
        del message
        await asyncio.Event().wait()

    with pytest.raises(Cut, match="read nothing") as caught:
        asyncio.run(Sender(send, 0.01).piece(b"x"))
    assert caught.value.at_once
