"""When a loop hangs, and when it only waits for its next round."""

import threading

from mainstay.faces.run.loops import HANGS_AFTER, Loop


def test_a_wait_of_hours_is_no_hanging() -> None:
    loop = Loop("rare", 6 * 3600.0, lambda: 0, last_round=1000.0)
    assert loop.overdue(1000.0 + 5 * 3600) == 0
    assert loop.overdue(1000.0 + 6 * 3600 + HANGS_AFTER + 1) > HANGS_AFTER


def test_a_round_that_does_not_end_is_seen_however_rarely_the_loop_runs() -> None:
    inside, let_go, stop = threading.Event(), threading.Event(), threading.Event()

    def hang() -> int:
        inside.set()
        let_go.wait(30)
        return 0

    loop = Loop("rare", 6 * 3600.0, hang)
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    assert inside.wait(30)
    assert loop.began is not None
    assert loop.overdue(loop.began + HANGS_AFTER + 1) > HANGS_AFTER
    stop.set()
    let_go.set()
    loop.wake.set()
    thread.join(30)
    assert not thread.is_alive()
    assert loop.overdue(loop.last_round + 60) == 0
