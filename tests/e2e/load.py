"""Visitors who never stop asking, and what there is to ask of the master. Knows nothing of pytest."""

import http.client
import json
import os
import re
import socket
import threading


class Load:
    """Visitors on several routes, half of them over connections that they keep; every wrong answer is remembered."""

    def __init__(self, server, paths, visitors=4):
        self.server, self.paths = server, paths
        self.expected = {path: server.client().get(path) for path in paths}
        self.failures, self.count, self.going = [], 0, True
        self.threads = [threading.Thread(target=self.visit, args=(i % 2 == 0,)) for i in range(visitors)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *problem):
        self.going = False
        for thread in self.threads:
            thread.join()

    def visit(self, keeps):
        connection, at = None, 0
        while self.going:
            at += 1
            path = self.paths[at % len(self.paths)]
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
                wanted = self.expected[path]
                if (answer.status, body) != (wanted.status, wanted.body):
                    self.failures.append((path, answer.status, body[:200]))
                if not keeps or answer.getheader("connection") == "close":
                    connection.close()
                    connection = None
                self.count += 1
            except (http.client.HTTPException, OSError) as error:
                self.failures.append((path, repr(error)))
                connection = None


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
