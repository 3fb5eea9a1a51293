"""Visitors who never stop asking, and what there is to ask of the master. Knows nothing of pytest."""

import collections
import http.client
import json
import os
import re
import socket
import threading
import time

from images import form, png

# What `every_kind` asks of a server beyond the plugins of any test's server.
MEDIA = {"store:media": {"driver": "dir", "folder": "objects"}, "plugin:media": {"enabled": "yes", "api_url": "http://localhost"}}


class Call:
    """One request, and what its answer must be: the status, and the body of the first answer, or what `holds` says of it."""

    def __init__(self, method, path, status, holds=None, body=None, token=None, headers=None):
        self.method, self.path, self.status, self.holds = method, path, status, holds
        self.headers = dict(headers or {})
        if token:
            self.headers["Authorization"] = "Bearer " + token
        if isinstance(body, dict):
            self.headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        self.body = body
        self.first = None

    def is_right(self, status, body):
        if status != self.status:
            return False
        if self.holds:
            return self.holds(body)
        if self.first is None:
            self.first = body
        return body == self.first

    def __repr__(self):
        return f"{self.method} {self.path}"


def gets(server, paths):
    """Reads whose answer stays as it is now."""
    return [Call("GET", path, server.client().get(path).status) for path in paths]


def with_fields(*names):
    """The answer is JSON with exactly these fields at its top."""
    return lambda body: set(json.loads(body)) == set(names)


def every_kind(server):
    """Every kind of route of a server with MEDIA: reads, writes, logins, files, refusals. What is dear is asked less often."""
    reader, writer = server.author(), server.author()
    assert reader.publish("Reloaded").status == 201
    kind, picture = form([("image", "a.png", png(64, 64, size=30000))])
    upload = {"body": picture, "headers": {"Content-Type": kind}}
    image = reader.post("/v1/assets/images", picture, headers={"Content-Type": kind}).json["image_objects_urls"][0]
    image = image.removeprefix("http://localhost")
    profile, article = f"/v1/users/{reader.username}", "/v1/articles/reloaded"
    news = {"title": "News", "body": "# News", "meta_description": "Some news"}
    cheap = [
        *gets(server, ["/v1/health", article, profile, profile + "/articles", profile + "/images", image]),
        Call("HEAD", article, 200),
        Call("GET", image, 206, headers={"Range": "bytes=10-99"}),
        Call("OPTIONS", "/v1/articles", 204, headers={"Origin": "https://www.talel.io", "Access-Control-Request-Method": "POST"}),
        Call("GET", "/v1/health/ready", 200, lambda body: json.loads(body)["status"] == "up"),
        Call("GET", "/nowhere", 404),
        Call("GET", "/v1/articles/nothing-of-this-name", 404),
        Call("DELETE", "/v1/health", 405),
        Call("POST", "/v1/articles", 403, body=news),
        Call("POST", "/v1/articles", 400, body={**news, "title": ""}, token=reader.token),
        Call("PATCH", profile, 403, body={"location": "Rome"}, token=writer.token),
        Call("PATCH", f"/v1/users/{writer.username}", 200, with_fields("user"), {"location": "Rome"}, writer.token),
        Call("POST", "/v1/articles", 201, with_fields("article", "user"), news, writer.token),
    ]  # fmt: skip
    dear = [
        Call("POST", "/v1/accounts/login", 200, with_fields("access_token"), {"email": writer.email, "password": writer.password}),
        Call("POST", "/v1/assets/images", 200, with_fields("image_objects_urls"), token=writer.token, **upload),
    ]
    return cheap * 4 + dear


# `status` is None when there was no answer; `worker` is the process that had the connection, if that is known.
Failure = collections.namedtuple("Failure", "call status what worker")


class Load:
    """Visitors who ask all of `calls` in turn, half of them over connections that they keep; every wrong answer is remembered.
    `who`: a path that says which process answers; it is asked first on every connection."""

    def __init__(self, server, calls, visitors=4, who=None):
        self.server, self.calls, self.who = server, calls, who
        self.failures, self.count, self.going = [], 0, True
        self.threads = [threading.Thread(target=self.visit, args=(i,)) for i in range(visitors)]
        for call in calls:
            self.ask(call, None)
        assert self.failures == [], self.failures

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *problem):
        self.going = False
        for thread in self.threads:
            thread.join()

    def ask(self, call, connection):
        """Over a connection that is kept, or a new one. The connection when it may be used again."""
        worker = connection.worker if connection else None
        try:
            if not connection:
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
                if self.who:
                    connection.request("GET", self.who)
                    worker = int(connection.getresponse().read())
                connection.worker = worker
            connection.request(call.method, call.path, call.body, call.headers)
            answer = connection.getresponse()
            body = answer.read()
            if not call.is_right(answer.status, body):
                self.failures.append(Failure(call, answer.status, body[:200], worker))
            self.count += 1
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.failures.append(Failure(call, None, error.with_traceback(None), worker))
            return None
        if answer.getheader("connection") != "close":
            return connection
        connection.close()
        return None

    def visit(self, number):
        connection, at = None, number * len(self.calls) // len(self.threads)
        while self.going:
            at += 1
            connection = self.ask(self.calls[at % len(self.calls)], connection)
            if connection and number % 2 == 1:
                connection.close()
                connection = None


class Paced:
    """Asks for `path` so many times a second, whether or not there are answers: nobody waits for one."""

    def __init__(self, server, path, rate):
        self.server, self.path, self.rate = server, path, rate
        self.sent, self.going = 0, True
        self.thread = threading.Thread(target=self.send)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *problem):
        self.going = False
        self.thread.join()

    def send(self):
        asked, began = collections.deque(), time.monotonic()
        while self.going:
            connection = socket.create_connection(("127.0.0.1", self.server.port))
            connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            asked.append(connection)
            self.sent += 1
            if len(asked) > 5 * self.rate:
                asked.popleft().close()
            time.sleep(max(0, began + self.sent / self.rate - time.monotonic()))
        for connection in asked:
            connection.close()


def ask(server, word="reload"):
    """Over the control socket, as the command does."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(server.folder / "run/control.sock"))
        asking.sendall(word.encode() + b"\n")
        received = b""
        while part := asking.recv(65536):
            received += part
    return json.loads(received)


def footprint(pid):
    """Descriptors, and resident KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
