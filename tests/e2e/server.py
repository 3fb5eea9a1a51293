"""A talelio of a test's own: its database, Redis prefix, ini file and port; started, asked, stopped.

Runs the built program as an operator would. Knows nothing of pytest.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import time

import psycopg2
import psycopg2.extensions

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TALELIO_BUILD", ROOT / "build")).resolve()
TALELIO = BUILD / "talelio"
SANITIZED = b"__asan_init" in TALELIO.read_bytes() if TALELIO.exists() else False
# A sanitized server is several times slower to start and to answer.
PATIENCE = 60 if SANITIZED else 20

# How a third party makes a plugin of one file, without CMake.
COMPILER = f"cc -shared -fPIC -fvisibility=hidden -I{ROOT}/include " + ("-fsanitize=address,undefined" if SANITIZED else "")

# A plugin that says one word.
NOTE = """
#include <talelio/talelio.h>
static int say(tl_request *req) { return tl_reply(req, 200, "text/plain", "WORD", 4); }
static const tl_route routes[] = {{TL_GET, "/note", say}, {0}};
TL_PLUGIN(.name = "note", .version = "1", .routes = routes);
"""

SECRET = "e2e-secret-" + "0123456789abcdef" * 4

SECTIONS = {
    "server": {"mode": "development", "address": "127.0.0.1", "workers": "1", "stop_timeout": "5s", "watch": "no"},
    "http": {"cors_origins": "https://www.talel.io"},
    "log": {"level": "info", "access": "yes"},
    "postgres": {},
    "redis": {},
    "mail": {"driver": "file", "from": "talelio <no-reply@talel.io>"},
    "plugin:health": {"enabled": "yes"},
    "plugin:users": {"enabled": "yes"},
    "plugin:auth": {"enabled": "yes", "secret": SECRET, "api_url": "https://www.talel.io"},
    "plugin:articles": {"enabled": "yes", "site_url": "https://www.talel.io"},
}


class Answer:
    """What came back: status, headers (names in lower case; set-cookie as a list), body, and JSON on demand."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["error"]["message"]

    def cookie(self, name):
        for line in self.cookies:
            if line.startswith(name + "="):
                return line.split(";")[0].split("=", 1)[1]
        return None

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:500]!r}>"


class Client:
    """One visitor: a base address, a bearer token, a cookie jar of one cookie."""

    def __init__(self, port, host="127.0.0.1"):
        self.host, self.port = host, port
        self.token = None
        self.refresh_token = None
        self.email = self.username = self.password = None

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = "Bearer " + self.token
        if self.refresh_token and "Cookie" not in headers:
            headers["Cookie"] = "refresh_token=" + self.refresh_token
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **rest):
        return self.request("GET", path, **rest)

    def post(self, path, body=None, **rest):
        return self.request("POST", path, body, **rest)

    def patch(self, path, body=None, **rest):
        return self.request("PATCH", path, body, **rest)

    def delete(self, path, **rest):
        return self.request("DELETE", path, **rest)

    def raw(self, data, timeout=10):
        """Sends bytes as they are, and returns all that comes back until the server closes (or the time is up)."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as connection:
            connection.sendall(data)
            return read_all(connection)

    def register(self, username=None, email=None, password="correct horse battery"):
        self.username = username or "user" + secrets.token_hex(6)
        self.email = email or f"{self.username.lower()}@example.org"
        self.password = password
        return self.post(
            "/v1/accounts/register", {"email": self.email, "password": password, "username": self.username}
        )

    def login(self):
        answer = self.post("/v1/accounts/login", {"email": self.email, "password": self.password})
        if answer.status == 200:
            self.token = answer.json["access_token"]
            self.refresh_token = answer.cookie("refresh_token")
        return answer

    def publish(self, title="Hello World Article", body="# Hello World", **rest):
        article = {"title": title, "body": body, "meta_description": "An article published on talel.io"}
        return self.post("/v1/articles", {**article, **rest})


def read_all(connection):
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return received


class Services:
    """A private PostgreSQL and Redis that a test may stop and start."""

    program = ROOT / "scripts/services"

    def __init__(self, folder, fast=True):
        """`fast`: without durability."""
        self.folder = str(folder)
        self.options = ["--fast"] if fast else []
        self.run("start")
        lines = subprocess.run(
            [self.program, "env", self.folder], check=True, capture_output=True, text=True
        ).stdout.split()
        values = dict(line.split("=", 1) for line in lines)
        self.postgres, self.redis = values["DATABASE_URL"], values["REDIS_ADDRESS"]

    def run(self, what):
        subprocess.run([self.program, what, *self.options, self.folder], check=True, timeout=60)


def compile_plugin(code, file):
    subprocess.run([*COMPILER.split(), "-x", "c", "-", "-o", file], input=code, text=True, check=True)


# Values as PostgreSQL writes them, whatever their type.
psycopg2.extensions.string_types.clear()


def psql(url, sql):
    """What `psql -At` would print. A connection a call, as tests count them; a process a call costs ten times as much."""
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
        return "\n".join("|".join("" if value is None else value for value in row) for row in rows).strip()


def write_ini(path, sections):
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in values.items()]
        lines.append("")
    path.write_text("\n".join(lines))
    path.chmod(0o600)


def merged(changes):
    """SECTIONS with changes: {"plugin:auth": None} leaves a section out, {"auth": {"key": None}} a key."""
    sections = {name: dict(values) for name, values in SECTIONS.items()}
    for name, values in (changes or {}).items():
        if values is None:
            sections.pop(name, None)
            continue
        section = sections.setdefault(name, {})
        for key, value in values.items():
            if value is None:
                section.pop(key, None)
            else:
                section[key] = value
    return sections


class Server:
    def __init__(self, folder, postgres, redis, changes=None, migrate=True, share=None):
        """`share`: another Server whose database and Redis prefix this one uses too."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.program = TALELIO
        self.process = None
        self.port = None
        self.log_path = self.folder / "server.log"
        self.mail = self.folder / "mail"
        if share:
            self.database, self.prefix, self.mail = share.database, share.prefix, share.mail
        else:
            name = "t" + secrets.token_hex(8)
            psql(postgres, f"CREATE DATABASE {name}")
            self.database = re.sub(r"/[A-Za-z0-9]+\?", f"/{name}?", postgres, count=1)
            self.prefix = name + ":"
        self.redis = redis
        self.changes = {}
        self.write_config()
        if migrate and not share:
            result = self.run("migrate")
            assert result.returncode == 0, result.stderr
        self.changes = changes or {}
        self.write_config()

    def write_config(self):
        sections = merged(self.changes)
        defaults = {
            "server": {
                "port": "0",
                "plugin_dir": BUILD / "plugins",
                "migrations_dir": ROOT / "migrations",
                "run_dir": self.folder / "run",
            },
            "postgres": {"url": self.database},
            "redis": {"address": self.redis, "prefix": self.prefix},
            "mail": {"folder": self.mail},
        }
        for name, values in defaults.items():
            if name in sections:
                sections[name] = {**values, **sections[name]}
        self.ini = self.folder / "talelio.ini"
        write_ini(self.ini, sections)

    def run(self, *words, stdin=None, timeout=PATIENCE, env=None):
        """One command of the program, to its end."""
        return subprocess.run(
            [self.program, *words, "--config", self.ini],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=timeout,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
        )

    def start(self, wait=True, words=("serve",), env=None):
        self.log = open(self.log_path, "ab")
        started_at = self.log_path.stat().st_size
        self.process = subprocess.Popen(
            [self.program, *words, "--config", self.ini],
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        if not wait:
            return self
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = re.search(r"listening on http://[^ ]*:(\d+)", self.log_text()[started_at:])
            if found:
                self.port = int(found.group(1))
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self.log_text()[started_at:]}")

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def client(self):
        return Client(self.port)

    def author(self, **rest):
        """A registered visitor who has logged in."""
        client = self.client()
        answer = client.register(**rest)
        assert answer.status == 201, answer
        answer = client.login()
        assert answer.status == 200, answer
        return client

    def sql(self, statement):
        return psql(self.database, statement)

    def workers(self):
        """The pids of the processes that serve or run jobs."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in found.split()]

    def stop(self, how=signal.SIGTERM):
        """Stops it and says how it ended; a sanitizer's finding fails the test."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError(f"the server did not stop:\n{self.log_text()[-4000:]}") from None
        text = self.log_text()
        for sign in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
            assert sign not in text, text[text.index(sign) - 200 :][:8000]
        return self.process.returncode if self.process else None

    def stop_after_crash(self):
        """What a sanitizer has said of a crash that was meant is no finding; what it says later is."""
        if SANITIZED:
            os.truncate(self.log_path, 0)
        self.stop()


def runs_jobs(pid):
    return b"jobs" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def http_worker(server):
    """The pid of the one process that serves HTTP."""
    found = [pid for pid in server.workers() if not runs_jobs(pid)]
    assert len(found) == 1, found
    return found[0]


def jobs_process(server):
    """The pid of the process that runs jobs."""
    return next(pid for pid in server.workers() if runs_jobs(pid))


def memory(pid, which="VmRSS"):
    """Resident MiB of a process; 0 when it has just ended."""
    found = re.search(rf"{which}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0


class Peak:
    """The most memory that a process has from now on, in MiB above what it has now."""

    def __init__(self, pid):
        self.pid, self.before = pid, memory(pid)
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")

    def more(self):
        return memory(self.pid, "VmHWM") - self.before


def eventually(condition, seconds=PATIENCE, every=0.05):
    """What `condition` returns as soon as it is true; fails when the time is up."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(every)
