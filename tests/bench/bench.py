"""The rows of scripts/bench: each measures one thing, and names the bare part it is compared with."""

import argparse
import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import media  # noqa: E402
from backup import backup  # noqa: E402
from crash import crash  # noqa: E402
from dev import dev  # noqa: E402
from hostile import hostile  # noqa: E402
from load import MEDIA, Load, ask, every_kind, footprint  # noqa: E402
from outages import outages  # noqa: E402
from server import BUILD, TALELIO, Client, Server, http_worker, memory, psql  # noqa: E402

import os  # noqa: E402

CONNECTIONS = 32
# The statement of plugins/articles/read.c, without the layers around it; and a bare lookup.
STATEMENT = ROOT / "tests/bench/article.sql"
WITHOUT_NEIGHBOURS = ROOT / "tests/bench/article-only.sql"


class Table:
    def __init__(self):
        self.rates = {}
        print(f"{'what':46} {'a second':>10} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>7}  compared with")

    def row(self, what, rate, p50=None, p99=None, base=None):
        self.rates[what] = rate
        number = lambda value: f"{value:8.2f}" if value is not None else " " * 8  # noqa: E731
        ratio = f"{rate / self.rates[base]:7.3f}  {base}" if base else ""
        print(f"{what:46} {rate:10.0f} {number(p50)} {number(p99)} {ratio}", flush=True)

    def medians(self, what, rounds=3):
        """Measures each of [(name, base, measure)] in turn, several times, so that a busy moment hits all alike."""
        taken = {name: [] for name, _, _ in what}
        for _ in range(rounds):
            for name, _, measure in what:
                taken[name].append(measure())
        for name, base, _ in what:
            self.row(name, *sorted(taken[name])[rounds // 2], base=base)

    @staticmethod
    def note(text):
        print(text, flush=True)


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def never_wait():
    """For a process that asks seldom: it gets a core at once, as if it had a machine to itself. An ordinary user may not say so."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def wrk(port, seconds, path="/", script=None, connections=CONNECTIONS, is_elsewhere=False):
    """(requests a second, p50, p99); anything but 2xx ends the measurement."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    if script:
        command += ["-s", str(script)]
    # A session of its own is a share of the cores of its own.
    process = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True,
                             start_new_session=True, preexec_fn=never_wait if is_elsewhere else None)  # fmt: skip
    out = process.stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: not every answer was good:\n{out}")
    rate = float(re.search(r"Requests/sec: +([\d.]+)", out).group(1))
    p50, p99 = (milliseconds(re.search(rf"{p}% +(\S+)", out).group(1)) for p in (50, 99))
    return rate, p50, p99


class Bench:
    def __init__(self, folder, options):
        self.folder, self.options, self.table = pathlib.Path(folder), options, Table()
        self.server = Server(
            self.folder / "server",
            os.environ["TALELIO_TEST_POSTGRES"],
            os.environ["TALELIO_TEST_REDIS"],
            {"log": {"file": str(self.folder / "access.log")}, "http": {"max_keepalive": "1000000000"}},
        )
        self.started = []
        self.author = self.server.start().author()

    def another(self, name, changes=None):
        """One more server, with a database of its own."""
        changes = {"log": {"file": str(self.folder / (name + ".log"))}, "http": {"max_keepalive": "1000000000"}, **(changes or {})}
        server = Server(self.folder / name, os.environ["TALELIO_TEST_POSTGRES"], os.environ["TALELIO_TEST_REDIS"], changes)
        self.started.append(server)
        return server.start()

    def stop(self):
        for server in [self.server, *self.started]:
            server.stop()

    def measure(self, what, base=None, **rest):
        self.table.row(what, *wrk(self.server.port, self.options.seconds, **rest), base=base)

    def script(self, name, text):
        path = self.folder / (name + ".lua")
        path.write_text(text)
        return path

    def http(self):
        """The cost of gate, fibers, arena, router, headers and log, against evhttp as it comes with the same flags."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        bare = subprocess.Popen([BUILD / "bench/bare_evhttp", str(port)])
        small, large = "bare evhttp, small answer", "bare evhttp, 8 KB"
        try:
            time.sleep(0.5)
            self.table.medians(
                [
                    (small, None, lambda: wrk(port, self.options.seconds, "/small")),
                    ("GET /v1/health", small, lambda: wrk(self.server.port, self.options.seconds, "/v1/health")),
                    (large, None, lambda: wrk(port, self.options.seconds, "/8k")),
                ]
            )
        finally:
            bare.terminate()
            bare.wait()

    @staticmethod
    def fill(server, author, count):
        """Copies one published article of about 8 KB of JSON until the author has `count`."""
        body = "# Heading\n\nSome *emphasis*, a [link](https://example.org/) and `code`.\n\n" + "Words and words. " * 230
        answer = author.publish("Article 0", body)
        assert answer.status == 201, answer
        server.sql(
            "INSERT INTO articles (user_id, created_at, title, slug, body, html, table_of_contents, meta_description, renderer) "
            "SELECT user_id, now() + n * interval '1 second', 'Article ' || n, 'article-' || n, body, html, table_of_contents, "
            f"meta_description, renderer FROM articles, generate_series(1, {count - 1}) n WHERE slug = 'article-0'"
        )
        server.sql("VACUUM ANALYZE")
        return len(author.get("/v1/articles/article-0").body)

    def article(self):
        """By slug with neighbours, from a small and a large table in turn, against the statement alone."""
        what = []
        for count in (1000, self.options.articles):
            server = self.another(f"articles{count}")
            size = self.fill(server, server.author(), count)
            script = self.script(
                f"article{count}",
                f"request = function() return wrk.format('GET', '/v1/articles/article-' .. math.random(1, {count - 2})) end",
            )
            base = f"pgbench, same statement, {count} articles"
            what += [
                (base, None, lambda server=server, count=count: self.pgbench(server, STATEMENT, count)),
                (f"pgbench, without neighbours, {count}", None,
                 lambda server=server, count=count: self.pgbench(server, WITHOUT_NEIGHBOURS, count)),
                (f"GET article with neighbours, {count}", base,
                 lambda server=server, script=script: wrk(server.port, self.options.seconds, script=script)),
            ]  # fmt: skip
        self.table.note(f"# one article is {size} bytes of JSON")
        self.table.medians(what)
        rates = self.table.rates
        ratio = rates[f"GET article with neighbours, {self.options.articles}"] / rates["GET article with neighbours, 1000"]
        self.table.note(f"# GET article, {self.options.articles} against 1000 articles: {ratio:.3f}")

    def pgbench(self, server, statement, count):
        sql = self.folder / "pgbench.sql"
        sql.write_text(f"\\set n random(1, {count - 2})\n" + statement.read_text())
        command = [pgbench_program(), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1",
                   "-T", str(self.options.seconds), "-f", str(sql), server.database]  # fmt: skip
        out = subprocess.run(command, capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        rate = float(re.search(r"tps = ([\d.]+)", out.stdout).group(1))
        return rate, float(re.search(r"latency average = ([\d.]+)", out.stdout).group(1)), None

    def list(self):
        for count in (1000, self.options.articles):
            server = self.another(f"list{count}")
            author = server.author()
            self.fill(server, author, count)
            path = f"/v1/users/{author.username}/articles"
            self.table.row(f"GET list of ten, of {count}", *wrk(server.port, self.options.seconds, path))

    def login(self):
        body = f'{{"email":"{self.author.email}","password":"{self.author.password}"}}'
        self.measure("POST login (argon2id, 19 MiB)", script=self.script("login", f"""
wrk.method = "POST"; wrk.body = '{body}'; wrk.headers["Content-Type"] = "application/json"
wrk.path = "/v1/accounts/login" """))

    def publish(self):
        self.measure("POST article", script=self.script("publish", f"""
wrk.headers["Content-Type"] = "application/json"; wrk.headers["Authorization"] = "Bearer {self.author.token}"
local n = 0
request = function()
    n = n + 1
    return wrk.format("POST", "/v1/articles", nil,
        '{{"title":"Bench ' .. n .. '","body":"# One\\\\n\\\\nSome *text*.","meta_description":"m"}}')
end"""))

    def memory(self):
        fresh = Server(self.folder / "fresh", os.environ["TALELIO_TEST_POSTGRES"], os.environ["TALELIO_TEST_REDIS"]).start()
        time.sleep(1)
        self.table.note(f"# memory of a worker at rest: {memory(http_worker(fresh)):.1f} MiB")
        fresh.stop()
        self.table.note(f"# memory of the worker measured above: {memory(http_worker(self.server)):.1f} MiB")

    def waiting(self):
        """1,000 requests that wait on the database at once: their rows are locked by another session."""
        server = Server(self.folder / "waiting", os.environ["TALELIO_TEST_POSTGRES"], os.environ["TALELIO_TEST_REDIS"],
                        {"postgres": {"query_timeout": "30s"}}).start()  # fmt: skip
        author = server.author()
        before = memory(http_worker(server))
        holder = subprocess.Popen(["psql", "-X", "-q", "-d", server.database], stdin=subprocess.PIPE, text=True)
        holder.stdin.write("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE;\n")
        holder.stdin.flush()
        time.sleep(0.5)
        request = f"GET /v1/users/{author.username} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]
        for connection in sockets:
            connection.sendall(request)
        time.sleep(2)
        during = memory(http_worker(server))
        holder.stdin.write("COMMIT;\n")
        holder.stdin.close()
        holder.wait()
        good = sum(connection.recv(65536).startswith(b"HTTP/1.1 200 ") for connection in sockets)
        self.table.note(f"# 1,000 requests waiting on the database: {during - before:.1f} MiB more; {good} of them answered 200")
        for connection in sockets:
            connection.close()
        server.stop()

    def reload(self):
        """Many reloads in a row under load: every kind of route over kept and fresh connections, and wrk on one that is cheap."""
        server = Server(self.folder / "reload", os.environ["TALELIO_TEST_POSTGRES"], os.environ["TALELIO_TEST_REDIS"],
                        {"server": {"workers": "2"}, "log": {"access": "no"}, **MEDIA}).start()  # fmt: skip
        calls = every_kind(server)
        still = sorted(ask(server)["milliseconds"] for _ in range(20))
        times = self.options.reloads
        # The heap grows to what a reload under load takes, and no further.
        with Load(server, calls):
            for _ in range(times // 10):
                ask(server)
        until(lambda: not ask(server, "status")["draining"])
        before = footprint(server.process.pid)
        command = ["wrk", "-t1", "-c8", "-d3600s", "--timeout", "30s", f"http://127.0.0.1:{server.port}/v1/health"]
        keeping = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with Load(server, calls) as load:
            took = sorted(ask(server)["milliseconds"] for _ in range(times))
        keeping.send_signal(signal.SIGINT)
        out = keeping.communicate()[0]
        until(lambda: not ask(server, "status")["draining"])
        after = footprint(server.process.pid)
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        wrong = [line.strip() for line in out.splitlines() if "Non-2xx" in line or "Socket errors" in line]
        self.table.note(f"# reload of an unchanged set, idle: p50 {still[10]} ms, longest {still[-1]} ms")
        self.table.note(f"# {times} reloads under load: p50 {took[times // 2]} ms, longest {took[-1]} ms; {requests + load.count} requests, "
                        f"{len(load.failures)} failed {load.failures[:3]} {wrong}")  # fmt: skip
        self.table.note(f"# the master before and after: {before[0]} and {after[0]} descriptors, {before[1]} and {after[1]} KiB")
        server.stop()
        if load.failures or wrong:
            sys.exit("bench: not every answer was good")

    def dev(self):
        dev(self.table, self.folder, until)

    def crash(self):
        crash(self.table, self.folder)

    def outages(self):
        outages(self.table, self.folder)

    def backup(self):
        backup(self.table, self.folder, self.options, self.fill, wrk)

    def media(self):
        media.measure(self, wrk)

    def hostile(self):
        hostile(self)


def until(condition, every=0.1):
    while not condition():
        time.sleep(every)


def pgbench_program():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[4]))
    return str(found[-1])


ROWS = ["http", "article", "list", "login", "publish", "memory", "waiting", "reload", "dev", "crash", "outages", "backup", "media", "hostile"]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=int, default=5, help="how long each row is measured")
    parser.add_argument("--articles", type=int, default=100000, help="the larger number of articles")
    parser.add_argument("--reloads", type=int, default=1000, help="how many in a row")
    parser.add_argument("--backup-size", type=int, default=200, help="MiB of the database that is backed up")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=" ".join(ROWS))
    options = parser.parse_intermixed_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"unknown row {', '.join(unknown)}: expected {' '.join(ROWS)}")
    bench = Bench(options.folder, options)
    try:
        for name in ROWS:
            if not options.rows or name in options.rows:
                getattr(bench, name)()
    finally:
        bench.stop()


main()
