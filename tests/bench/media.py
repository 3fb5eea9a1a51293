"""The row `media`: many uploads at once and many slow downloads; what they cost the worker in memory, and other routes in
time. Clients are curl and wrk, so that nothing but the server is in this process' way."""

import pathlib
import re
import subprocess
import threading
import time

from images import form, jpeg
from server import Server

AT_ONCE = 50
SIZE = 2 * 1024 * 1024


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


class Watch:
    """The most memory a process had while this runs."""

    def __init__(self, pid):
        self.pid, self.most, self.over = pid, 0, False
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.over:
            self.most = max(self.most, resident(self.pid))
            time.sleep(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def curls(commands):
    """Runs them all at once; how many ended well."""
    running = [subprocess.Popen(["curl", "-sS", "--fail", "-o", "/dev/null", *words], stderr=subprocess.DEVNULL) for words in commands]
    return sum(process.wait() == 0 for process in running)


def during(server, path, wrk, work):
    """(p99 of `path` while `work` runs, most memory, what `work` gave); wrk measures until it is over."""
    result, latencies = [], []
    thread = threading.Thread(target=lambda: result.append(work()))
    with Watch(server.worker) as watch:
        thread.start()
        while thread.is_alive():
            latencies.append(wrk(server.port, 2, path, connections=4)[2])
        thread.join()
    return sorted(latencies)[len(latencies) // 2], watch.most, result[0]


def measure(bench, wrk, http_worker, postgres, redis):
    server = Server(bench.folder / "media", postgres, redis, {
        "store:media": {"driver": "dir", "folder": "objects"},
        "plugin:media": {"enabled": "yes"},
        "log": {"access": "no"},
    }).start()  # fmt: skip
    server.worker = http_worker(server)
    author = server.author()
    path = f"/v1/users/{author.username}"
    content_type, body = form([("f", "a.jpeg", jpeg(size=SIZE))])
    answer = author.post("/v1/assets/images", body, headers={"Content-Type": content_type})
    image = answer.json["image_objects_urls"][0].split("5000", 1)[1]
    file = bench.folder / "media.jpeg"
    file.write_bytes(jpeg(size=SIZE))
    address = f"http://127.0.0.1:{server.port}"
    upload = ["-H", f"Authorization: Bearer {author.token}", "-F", f"f=@{file}", address + "/v1/assets/images"]
    seconds = max(bench.options.seconds, 5)

    def uploads():
        end, count, good = time.monotonic() + seconds, 0, 0
        while time.monotonic() < end:
            good += curls([upload] * AT_ONCE)
            count += AT_ONCE
        return good, count

    def downloads():
        return curls([["--limit-rate", "100K", address + image]] * AT_ONCE), AT_ONCE

    still = sorted(wrk(server.port, 2, path, connections=4)[2] for _ in range(3))[1]
    bench.table.note(f"# media: GET user at rest: p99 {still:.2f} ms; worker {resident(server.worker):.0f} MiB")
    for what, work in ((f"{AT_ONCE} uploads of 2 MiB at once, again and again", uploads), (f"{AT_ONCE} downloads of 2 MiB at 100 KB/s", downloads)):
        p99, most, (good, count) = during(server, path, wrk, work)
        bench.table.note(
            f"# media: {what}: {good} of {count} well; worker at most {most:.0f} MiB; GET user p99 {p99:.2f} ms, {p99 / still:.1f} times that at rest"
        )
    bench.measure_on(server, "GET image of 2 MiB", image)
    server.stop()
