"""How long visitors notice that a plugin has crashed: once, and on a route that is asked 200 times a second."""

import http.client
import os
import re
import sys
import time

from load import Load, Paced, gets
from server import BUILD, Server

ROUNDS, STORM = 10, 5
TROUBLE = {"plugin:trouble": {"enabled": "yes", "path": BUILD / "tests/plugins/trouble.so"}}


def whole_again(server):
    """Seconds until 20 requests in a row have been answered as they should."""
    began, good = time.monotonic(), 0
    while good < 20:
        try:
            good = good + 1 if server.client().get("/v1/health").status == 200 else 0
        except (http.client.HTTPException, ConnectionError):
            good = 0
    return time.monotonic() - began


def dead(server):
    return set(map(int, re.findall(r"\(pid (\d+)\) was killed by SIGSEGV", server.log_text())))


def crash(table, folder):
    server = Server(folder / "crash", os.environ["TALELIO_TEST_POSTGRES"], os.environ["TALELIO_TEST_REDIS"],
                    {"server": {"workers": "2"}, "log": {"access": "no"}, **TROUBLE}).start()  # fmt: skip
    once = []
    for _ in range(ROUNDS):
        time.sleep(0.5)
        try:
            server.client().get("/trouble/fault")
        except (http.client.HTTPException, ConnectionError):
            once.append(whole_again(server))
    before, after = dead(server), []
    with Load(server, gets(server, ["/v1/health", "/nowhere", "/trouble/fine"]), who="/trouble/worker") as load:
        for _ in range(ROUNDS):
            with Paced(server, "/trouble/fault", 200) as faults:
                time.sleep(STORM)
            after.append(whole_again(server))
            assert faults.sent > 0.9 * 200 * STORM, faults.sent
    died = dead(server) - before
    others = [failure for failure in load.failures if failure.worker not in died | {None} or failure.status]
    once.sort()
    after.sort()
    table.note(f"# a worker of two crashes, {ROUNDS} times: 20 requests in a row answered {once[ROUNDS // 2] * 1000:.0f} ms later (p50), "
               f"{once[-1] * 1000:.0f} ms (longest)")  # fmt: skip
    table.note(f"# 200 requests a second on a route that crashes, {ROUNDS} times {STORM} s: {len(died)} workers died; of {load.count + len(load.failures)} requests on "
               f"other routes {len(load.failures)} were lost with them, {len(others)} otherwise {others[:3]}; 20 in a row answered "
               f"{after[ROUNDS // 2] * 1000:.0f} ms after the last crash (p50), {after[-1] * 1000:.0f} ms (longest)")  # fmt: skip
    server.stop()
    if others or max(*once, *after) >= 1:
        sys.exit("bench: a crash was noticed by others, or for longer than a second")
