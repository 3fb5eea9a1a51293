"""The row `media`: many uploads and many slow downloads at once, on both kinds of storage; what they cost the worker in
memory, and other routes in time.

Others ask for a small answer at a steady pace, in turns with nothing else going on, while a neighbour (another server of the same
kind) has the load, and while this server has it. All of it shares this machine, so others wait longer whatever the server does.
Clients and storage have the lowest priority, as if they were elsewhere; but a large read or write in the kernel is not interrupted, and
Ceph's are. So uploads are measured with a storage that does nearly nothing, too."""

import multiprocessing
import os
import pathlib
import random
import secrets
import socket
import statistics
import time

import boto3
import sink
from images import form, jpeg
from server import Peak, http_worker, memory

AT_ONCE = 50
SIZE = 2 * 1024 * 1024
RATE = 100_000  # bytes a second that a slow client takes
UPLINK = 1_250_000  # bytes a second that usual ones send, give or take a half: 10 Mbit/s
NO_LIMIT = 1e12
TICK = 0.02  # seconds
ROUNDS, QUIET_WINDOWS = 2, 5
STEADY = "function delay() return math.random(10, 30) end"
CONNECTIONS = 16


def start_sink():
    """Its endpoint and its process."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.Process(target=elsewhere, args=(sink.serve, listener), daemon=True)
    process.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", process


def make_bucket():
    """Its section, without what is the driver's."""
    keys = {"access_key": os.environ["TALELIO_TEST_S3_ACCESS_KEY"], "secret_key": os.environ["TALELIO_TEST_S3_SECRET_KEY"]}
    client = boto3.client("s3", endpoint_url=os.environ["TALELIO_TEST_S3"], region_name="us-east-1",
                          aws_access_key_id=keys["access_key"], aws_secret_access_key=keys["secret_key"])  # fmt: skip
    bucket = "bench-" + secrets.token_hex(6)
    client.create_bucket(Bucket=bucket)
    return {"endpoint": os.environ["TALELIO_TEST_S3"], "bucket": bucket, **keys}


def stores(endpoint_of_sink):
    """The sections of the storages."""
    s3 = {"driver": "s3", "path_style": "yes"}
    return {
        "dir": {"driver": "dir", "folder": "objects"},
        "sink": {**s3, "endpoint": endpoint_of_sink, "bucket": "sink", "access_key": "any", "secret_key": "any"},
        "s3": {**s3, **make_bucket()},
    }


class Side:
    """A server with an image on it."""

    def __init__(self, bench, name, store):
        self.server = bench.another(name, {"store:media": store, "plugin:media": {"enabled": "yes"}})
        self.author = self.server.author()
        content_type, body = form([("f", "a.jpeg", jpeg(size=SIZE))])
        answer = self.author.post("/v1/assets/images", body, headers={"Content-Type": content_type})
        self.image = "/v1/users/" + answer.json["image_objects_urls"][0].split("/v1/users/", 1)[1]
        self.upload = (f"POST /v1/assets/images HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {self.author.token}\r\n"
                       f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body  # fmt: skip

    def uploads(self, until):
        """50 at all times, each as fast as its client's line: [(seconds to the first byte, in all)]."""
        return together(lambda: Writer(self.server.port, self.upload, UPLINK * random.uniform(0.5, 1.5)), until)

    def uploads_back_to_back(self, until):
        """50 at all times, as fast as this machine can: the same times."""
        return together(lambda: Writer(self.server.port, self.upload, NO_LIMIT), until)

    def downloads(self, until):
        """50 at all times, by slow clients: the same times."""
        return together(lambda: Reader(self.server.port, self.image), until)


def together(new_client, until):
    """Lets 50 clients go on; one that is done is followed by a new one until it is enough: the times of all of them."""
    clients, times = [new_client() for _ in range(AT_ONCE)], []
    while clients:
        for client in list(clients):
            time.sleep(TICK / AT_ONCE)
            client.go_on(time.monotonic() - client.begun)
            if client.is_over:
                clients.remove(client)
                times.append((client.first, client.last))
                clients += [] if until() else [new_client()]
    return times


class Writer:
    """A client that sends a request as fast as its line lets it, and waits for the answer."""

    def __init__(self, port, request, rate):
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setblocking(False)
        self.left, self.size, self.rate, self.answer = memoryview(request), len(request), rate, b""
        self.begun, self.first, self.last, self.is_over = time.monotonic(), None, None, False

    def go_on(self, now):
        try:
            while self.left and self.size - len(self.left) < now * self.rate:
                count = int(now * self.rate) - (self.size - len(self.left)) + 1
                self.left = self.left[self.connection.send(self.left[:count]) :]
            while not self.is_over and not self.left:
                part = self.connection.recv(65536)
                self.answer += part
                self.first, self.last = self.first or now, now
                self.is_over = not part
        except BlockingIOError:
            return
        if self.is_over:
            self.connection.close()
            assert self.answer.startswith(b"HTTP/1.1 200 "), self.answer[:500]


class Reader:
    """A client that takes 100 KB a second. (curl's --limit-rate lets a whole image pass when it comes fast enough.)"""

    def __init__(self, port, path):
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.connection.connect(("127.0.0.1", port))
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self.connection.setblocking(False)
        self.begun, self.received, self.first, self.last, self.is_over = time.monotonic(), 0, None, None, False

    def go_on(self, now):
        try:
            while not self.is_over and self.received < now * RATE:
                count = len(self.connection.recv(int(now * RATE - self.received) + 1))
                self.received += count
                self.first, self.last = self.first or now, now
                self.is_over = count == 0
        except BlockingIOError:
            return
        if self.is_over:
            self.connection.close()
            assert self.received > SIZE, self.received


def give_way(pid):
    """It gets what the others leave of the cores, as if it ran on another machine."""
    pathlib.Path(f"/proc/{pid}/autogroup").write_text("19")


def elsewhere(work, *args):
    os.setsid()
    give_way("self")
    work(*args)


def load(work, least, found):
    begun = time.monotonic()
    found.put(work(lambda: time.monotonic() - begun >= least))


def during(read, work, least):
    """(the p99 of each window that `read` measures while `work` goes on; what `work` gave). `work` is told when it may end."""
    found, windows = multiprocessing.SimpleQueue(), []
    process = multiprocessing.Process(target=elsewhere, args=(load, work, least, found), daemon=True)
    process.start()
    while process.is_alive() and found.empty():
        windows.append(read())
    assert not found.empty(), "the clients of this measurement failed"
    answers = found.get()
    process.join()
    return windows, answers


def compare(what, read, here, neighbour, least):
    """(p99 with nothing going on, beside a neighbour with this load, with it; the times of the answers), in turns."""
    quiet, beside, busy, times = [], [], [], []
    for _ in range(ROUNDS):
        quiet += [read() for _ in range(QUIET_WINDOWS)]
        beside += during(read, getattr(neighbour, what), least)[0]
        windows, answers = during(read, getattr(here, what), least)
        busy += windows
        times += answers
    return [statistics.median(windows) for windows in (quiet, beside, busy)], times


def measure(bench, wrk):
    script = bench.script("media", STEADY)
    for file in (pathlib.Path(os.environ["TALELIO_TEST_REDIS"]).parent / "s3").glob("*.pid"):
        give_way(file.read_text().strip())
    endpoint, process = start_sink()
    try:
        for name, store in stores(endpoint).items():
            measure_store(bench, wrk, script, name, store)
    finally:
        process.kill()


def measure_store(bench, wrk, script, name, store):
    note = bench.table.note
    here, neighbour = Side(bench, f"media-{name}", store), Side(bench, f"media-{name}-2", store)
    worker, path = http_worker(here.server), f"/v1/users/{here.author.username}"
    read = lambda: wrk(here.server.port, 1, path, script=script, connections=CONNECTIONS, is_elsewhere=True)[2]  # noqa: E731
    note(f"# media, {name}: worker at rest {memory(worker):.0f} MiB")
    for what in ("uploads", "uploads_back_to_back", "downloads"):
        if name == "sink" and what == "downloads":
            continue
        peak = Peak(worker)
        (quiet, beside, busy), times = compare(what, read, here, neighbour, max(bench.options.seconds, 5))
        first, last = (statistics.median(column) for column in zip(*times))
        note(f"# media, {name}: {len(times)} {what.replace('_', ' ')} of 2 MiB, {AT_ONCE} at once: worker at most {peak.before + peak.more():.0f} MiB; "
             f"GET user p99 {quiet:.2f} ms at rest, {busy:.2f} with this: {busy / quiet:.2f} times; "
             f"beside a neighbour with this {beside:.2f} ms: {busy / beside:.2f} times; "
             f"an answer's first byte after {first:.2f} s, its last after {last:.2f} s")  # fmt: skip
    if name != "sink":
        bench.table.row(f"GET image of 2 MiB, {name}", *wrk(here.server.port, bench.options.seconds, here.image, connections=4))
    for side in (here, neighbour):
        side.server.stop()
