"""The row `media`: many uploads and many slow downloads at once, on both kinds of storage; what they cost the worker in
memory, and other routes in time.

Clients, storage and server share this machine's cores, so other routes become slower whatever the server does. Therefore
they are measured three times: at rest, while a neighbour (another server of the same kind) has the load, and while this
server has it. What the server itself makes others wait is the difference between the last two."""

import os
import secrets
import socket
import statistics
import subprocess
import threading
import time

import boto3
from images import form, jpeg
from server import Peak, http_worker, memory

AT_ONCE = 50
SIZE = 2 * 1024 * 1024
RATE = 100_000  # bytes a second that a slow client takes
UPLINK = 1_250_000  # bytes a second that a usual one sends: 10 Mbit/s
TICK = 0.02  # seconds
ROUNDS = 3


def stores():
    """The sections of both kinds of storage; the bucket is new."""
    client = boto3.client("s3", endpoint_url=os.environ["TALELIO_TEST_S3"], region_name="us-east-1",
                          aws_access_key_id=os.environ["TALELIO_TEST_S3_ACCESS_KEY"],
                          aws_secret_access_key=os.environ["TALELIO_TEST_S3_SECRET_KEY"])  # fmt: skip
    bucket = "bench-" + secrets.token_hex(6)
    client.create_bucket(Bucket=bucket)
    return {
        "dir": {"driver": "dir", "folder": "objects"},
        "s3": {"driver": "s3", "endpoint": os.environ["TALELIO_TEST_S3"], "bucket": bucket, "path_style": "yes",
               "access_key": os.environ["TALELIO_TEST_S3_ACCESS_KEY"], "secret_key": os.environ["TALELIO_TEST_S3_SECRET_KEY"]},
    }  # fmt: skip


class Side:
    """A server with an image on it."""

    def __init__(self, bench, name, store):
        self.server = bench.another(name, {"store:media": store, "plugin:media": {"enabled": "yes"}})
        self.author = self.server.author()
        self.file = bench.folder / "media.jpeg"
        self.file.write_bytes(jpeg(size=SIZE))
        self.type, self.form = form([("f", "a.jpeg", self.file.read_bytes())])
        answer = self.author.post("/v1/assets/images", self.form, headers={"Content-Type": self.type})
        self.image = "/v1/users/" + answer.json["image_objects_urls"][0].split("/v1/users/", 1)[1]
        self.address = f"http://127.0.0.1:{self.server.port}"

    def uploads(self, until):
        """50 at once, each as fast as its client's line, again and again: [(seconds to the first byte, in all)]."""
        head = (f"POST /v1/assets/images HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {self.author.token}\r\n"
                f"Content-Type: {self.type}\r\nContent-Length: {len(self.form)}\r\n\r\n").encode()  # fmt: skip
        times = []
        while not until():
            times += together([Writer(self.server.port, head + self.form) for _ in range(AT_ONCE)])
        return times

    def uploads_back_to_back(self, until):
        """50 at once, as fast as this machine can, again and again: the same times."""
        words = ["-H", f"Authorization: Bearer {self.author.token}", "-F", f"f=@{self.file}", self.address + "/v1/assets/images"]
        times = []
        while not until():
            times += curls([words] * AT_ONCE)
        return times

    def downloads(self, until):
        """50 by slow clients, once: the same times."""
        return together([Reader(self.server.port, self.image) for _ in range(AT_ONCE)])


def together(clients):
    """Lets all go on until they are done: their times."""
    begun = time.monotonic()
    while not all(client.is_over for client in clients):
        time.sleep(TICK)
        for client in clients:
            client.go_on(time.monotonic() - begun)
    return [(client.first, client.last) for client in clients]


class Writer:
    """A client that sends a request as fast as its line lets it, and waits for the answer."""

    def __init__(self, port, request):
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setblocking(False)
        self.left, self.size, self.answer = memoryview(request), len(request), b""
        self.first, self.last, self.is_over = None, None, False

    def go_on(self, now):
        try:
            while self.left and self.size - len(self.left) < now * UPLINK:
                count = int(now * UPLINK) - (self.size - len(self.left)) + 1
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
        self.received, self.first, self.last, self.is_over = 0, None, None, False

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


def curls(commands):
    """Runs them all at once: of each the seconds until its first byte, and altogether. One that fails ends the measurement."""
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{time_starttransfer} %{time_total}", "-H", "Expect:"]
    running = [subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) for words in commands]
    outs = [(process.communicate()[0], process.returncode) for process in running]
    assert all(code == 0 for _, code in outs), outs
    return [tuple(map(float, out.split())) for out, _ in outs]


def p99_during(read, work, least):
    """(the p99 that `read` finds, measured as long as `work` goes on; what `work` gave). `work` is told when it may end."""
    found, latencies, begun = [], [], time.monotonic()
    thread = threading.Thread(target=lambda: found.append(work(lambda: time.monotonic() - begun >= least)))
    thread.start()
    while thread.is_alive():
        latencies.append(read())
    thread.join()
    assert found, "the clients of this measurement failed"
    return statistics.median(latencies), found[0]


def measure(bench, wrk):
    note = bench.table.note
    for driver, store in stores().items():
        here, neighbour = Side(bench, f"media-{driver}", store), Side(bench, f"media-{driver}-2", store)
        worker = http_worker(here.server)
        read = lambda here=here: wrk(here.server.port, 1, f"/v1/users/{here.author.username}", connections=4)[2]  # noqa: E731
        still = statistics.median(read() for _ in range(ROUNDS))
        note(f"# media, {driver}: GET user at rest: p99 {still:.2f} ms; worker {memory(worker):.0f} MiB")
        for what in ("uploads", "uploads_back_to_back", "downloads"):
            least = max(bench.options.seconds, 5)
            beside, _ = p99_during(read, getattr(neighbour, what), least)
            peak = Peak(worker)
            p99, times = p99_during(read, getattr(here, what), least)
            first, last = (statistics.median(column) for column in zip(*times))
            note(f"# media, {driver}: {len(times)} {what.replace('_', ' ')} of 2 MiB, {AT_ONCE} at once: worker at most {peak.before + peak.more():.0f} MiB; GET user p99 {p99:.2f} ms: "
                 f"{p99 / still:.2f} times that at rest, {p99 / beside:.2f} times that beside a neighbour with this load ({beside:.2f} ms); "
                 f"an answer's first byte after {first:.2f} s, its last after {last:.2f} s")  # fmt: skip
        bench.table.row(f"GET image of 2 MiB, {driver}", *wrk(here.server.port, bench.options.seconds, here.image, connections=4))
        for side in (here, neighbour):
            side.server.stop()
