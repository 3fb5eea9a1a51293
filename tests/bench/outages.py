"""How long visitors wait for answers after PostgreSQL or Redis has gone, and after it is back."""

import sys
import threading
import time

from server import Server, Services

ROUNDS = 5


class Visitors:
    """A few who ask without a pause; every answer is kept with its moment and how long it took."""

    def __init__(self, server, ask):
        self.server, self.ask, self.going, self.answers = server, ask, True, []
        self.threads = [threading.Thread(target=self.run) for _ in range(4)]

    def run(self):
        client = self.server.client()
        while self.going:
            begun = time.monotonic()
            answer = self.ask(client)
            now = time.monotonic()
            self.answers.append((now, answer.status, now - begun))
            time.sleep(0.005)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        for thread in self.threads:
            thread.join()

    def first(self, since, served):
        """Seconds from `since` to the first answer that is served, or is not."""
        while True:
            for when, status, _ in list(self.answers):
                if when > since and (status != 503) == served:
                    return when - since
            time.sleep(0.01)


def outage(table, server, services, which, ask):
    back, statuses, slowest = [], set(), 0
    for how in ("stop", "kill"):
        for _ in range(ROUNDS):
            with Visitors(server, ask) as visitors:
                services.run(f"{how}-{which}")
                visitors.first(time.monotonic(), served=False)
                services.run(f"start-{which}")
                back.append(visitors.first(time.monotonic(), served=True))
            statuses |= {status for _, status, _ in visitors.answers}
            slowest = max([slowest, *(took for _, _, took in visitors.answers)])
    back.sort()
    table.note(f"# {which} gone and back {len(back)} times under load: served again after {back[len(back) // 2] * 1000:.0f} ms (p50), "
               f"{back[-1] * 1000:.0f} ms (longest); slowest answer {slowest * 1000:.0f} ms; statuses {sorted(statuses)}")  # fmt: skip
    if back[-1] > 2:
        sys.exit(f"bench: {which} was back, and it took more than two seconds until it was used")


def outages(table, folder):
    services = Services(folder / "outages")
    try:
        server = Server(folder / "outage", services.postgres, services.redis).start()
        author = server.author()
        author.publish("Persistent")
        unknown = "".join("A" if c.isalnum() else c for c in author.refresh_token)
        outage(table, server, services, "postgres", lambda client: client.get("/v1/articles/persistent"))
        outage(table, server, services, "redis", lambda client: client.post(
            "/v1/accounts/token", headers={"Cookie": "refresh_token=" + unknown}))  # fmt: skip
        server.stop()
    finally:
        services.run("stop")
