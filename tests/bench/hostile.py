"""The row `hostile`: what an author who means harm, and strangers who upload, cost everybody else."""

import contextlib
import json
import socket
import threading
import time

from server import http_worker, memory

# Nested lists, then empty lines: cmark walks over every open item for each of them.
DASHES = " -" * 30000 + "x" + "\n" * 60000
ORDERED = " ".join("1." for _ in range(30000)) + " x" + "\n" * 60000
TEXTS = [DASHES, ORDERED, DASHES, ORDERED, DASHES, ORDERED]
STRANGERS, LENGTH = 200, 16 * 1024 * 1024


def timed(call):
    began = time.monotonic()
    answer = call()
    assert answer.status == 200, answer
    return (time.monotonic() - began) * 1000


class Beside:
    """Logins and reads, a few a second each, with the times that they take in milliseconds."""

    def __init__(self, server, author, slug):
        self.server, self.author, self.slug = server, author, slug

    def measure(self, until):
        logins, reads = [], []

        def log_in():
            client = self.server.client()
            body = {"email": self.author.email, "password": self.author.password}
            while not until():
                logins.append(timed(lambda: client.post("/v1/accounts/login", body)))
                time.sleep(0.1)

        def read():
            client = self.server.client()
            while not until():
                reads.append(timed(lambda: client.get("/v1/articles/" + self.slug)))
                time.sleep(0.02)

        threads = [threading.Thread(target=log_in), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(logins), sorted(reads)


def describe(times):
    return f"p50 {times[len(times) // 2]:.1f}, longest {times[-1]:.1f} ms of {len(times)}"


def texts(table, server):
    author, other = server.author(), server.author()
    slug = author.publish("At rest", "# A\n\nText.").json["article"]["slug"]
    beside = Beside(server, author, slug)
    end = time.monotonic() + 10
    rest = beside.measure(lambda: time.monotonic() > end)
    answers = []
    clients = [server.client() for _ in TEXTS]

    def post(client, text):
        client.token = other.token
        answers.append(client.publish("Hostile", text).status)

    threads = [threading.Thread(target=post, args=pair) for pair in zip(clients, TEXTS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    busy = beside.measure(lambda: not any(thread.is_alive() for thread in threads))
    took = time.monotonic() - began
    held = server.log_text().count("held the loop")
    table.note(f"# six hostile texts: answered {sorted(answers)} after {took:.1f} s; the loop was held for more than 20 ms {held} times")
    for what, before, during in zip(("logins", "reads"), rest, busy):
        table.note(f"# {what} at rest: {describe(before)}; beside them: {describe(during)}; "
                   f"longest against longest {during[-1] / before[-1]:.2f}, p50 {during[len(during) // 2] / before[len(before) // 2]:.2f}")  # fmt: skip


def strangers(table, server):
    """200 who upload without a token as fast as they may: what they are told, and what the worker takes for it."""
    time.sleep(1)
    before, most, told = memory(http_worker(server)), 0, []
    head = (f"POST /v1/assets/images HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            f"Content-Length: {LENGTH}\r\n\r\n").encode()  # fmt: skip

    def upload():
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head)
            with contextlib.suppress(ConnectionError):
                for _ in range(LENGTH // 65536):
                    connection.sendall(b"x" * 65536)
            with contextlib.suppress(ConnectionError):
                told.append(connection.recv(12).decode())

    threads = [threading.Thread(target=upload) for _ in range(STRANGERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory(http_worker(server)))
        time.sleep(0.01)
    counts = json.dumps({what: told.count(what) for what in sorted(set(told))})
    table.note(f"# {STRANGERS} uploads of strangers, {LENGTH >> 20} MiB each: {before:.1f} MiB before, {most:.1f} MiB at most; told {counts}")


def hostile(bench):
    server = bench.another("hostile", {"server": {"workers": "1"}, "log": {"slow_handler": "20ms"},
                                       "plugin:media": {"enabled": "yes", "store": "media"},
                                       "store:media": {"driver": "dir", "folder": "objects"}})  # fmt: skip
    texts(bench.table, server)
    strangers(bench.table, server)
