import asyncio

from supervisor.doors.http.pace import Paced


def test_the_first_time_is_at_once_and_the_next_after_the_gap_however_often_it_is_asked_for() -> None:
    async def run() -> None:
        loop, done = asyncio.get_running_loop(), list[float]()
        came = asyncio.Event()

        def do() -> None:
            done.append(loop.time())
            came.set()

        paced = Paced(0.05, do)
        begun_s = loop.time()
        for _ in range(3):
            for _ in range(50):
                paced.ask()
            await came.wait()
            came.clear()
        assert len(done) == 3
        assert done[1] - done[0] >= 0.05
        assert done[2] - done[1] >= 0.05
        assert done[0] - begun_s < done[1] - begun_s
        paced.ask()
        paced.close()
        paced.close()
        await asyncio.sleep(0)
        assert len(done) == 3

    asyncio.run(run())
