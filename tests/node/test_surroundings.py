"""Threads for what blocks."""

import trio

from gossipfl.node.surroundings import run_in_thread


async def test_a_thread_runs_to_its_end_in_what_is_cancelled():
    done = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await run_in_thread(done.append, 1)
        assert done
    assert done == [1]
