"""The row `backup`: a database of real shape, with durable settings, is backed up by the server's own jobs process while visitors
read at a steady pace; then it is wiped, restored, and compared by pg_dump. What the visitors notice of it, and the memory that it
takes."""

import hashlib
import re
import subprocess
import sys
import threading
import time

from load import footprint
from server import TALELIO, Server, Services, jobs_process, memory, psql

# As many backups as it takes for so many windows; before each and after the last there are quiet ones.
WINDOWS, QUIET_WINDOWS = 24, 4
# A small part of what the server can do: visitors who wait for each other would measure their own queue.
CONNECTIONS = 16
READ = """
request = function() return wrk.format('GET', '/v1/articles/article-' .. math.random(1, 998)) end
function delay() return math.random(10, 30) end
"""
RARELY = "30 2 29 3 *"
PARAGRAPHS = """
CREATE TABLE paragraph AS SELECT k, string_agg(substr(md5(random()::text || k || n), 1, 2 + (n * k) % 8), ' ') AS words
    FROM generate_series(0, 1999) k, generate_series(1, 150) n GROUP BY k;
ALTER TABLE paragraph ADD PRIMARY KEY (k);
INSERT INTO accounts (email, password_hash, verified)
    SELECT 'writer' || n || '@example.org', a.password_hash, true FROM (SELECT password_hash FROM accounts LIMIT 1) a,
    generate_series(1, 999) n;
INSERT INTO users (account_id, username) SELECT id, 'writer' || id FROM accounts WHERE id NOT IN (SELECT account_id FROM users);
"""
ARTICLES = """
INSERT INTO articles (user_id, title, slug, body, html, table_of_contents, meta_description, renderer)
    SELECT u.ids[1 + n % array_length(u.ids, 1)], 'Text ' || n, 'text-' || n, p.body, p.html, '', 'The text ' || n, 'bench'
    FROM (SELECT array_agg(id) AS ids FROM users) u, generate_series({first}, {last}) n, LATERAL (
        SELECT string_agg(words, E'\\n\\n' ORDER BY k) AS body, string_agg('<p>' || words || '</p>', E'\\n' ORDER BY k) AS html
        FROM paragraph WHERE k BETWEEN n * 7919 % 1990 AND n * 7919 % 1990 + 7) p;
"""


def fill(url, megabytes):
    psql(url, PARAGRAPHS)
    count = 0
    while int(psql(url, "SELECT pg_database_size(current_database())")) < megabytes << 20:
        psql(url, ARTICLES.format(first=count, last=count + 4999))
        count += 5000
    psql(url, "DROP TABLE paragraph")
    psql(url, "VACUUM ANALYZE")
    psql(url, "CHECKPOINT")


def fingerprint(url):
    """Of all that pg_dump writes, the rows to the last byte and in their order. It sets more parentheses around a condition when
    it reads what it has written, and has a token that is new each time."""
    sums = []
    for part in ("--data-only", "--schema-only"):
        total = hashlib.sha256()
        command = ["pg_dump", part, "--no-owner", "--no-privileges", "-d", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as dump:
            for line in dump.stdout:
                if not line.startswith((b"\\restrict", b"\\unrestrict")):
                    total.update(line if part == "--data-only" else line.translate(None, b"()"))
        assert dump.returncode == 0
        sums.append(total.hexdigest())
    return sums


def command(server, *words):
    """Runs a command: the seconds it took, and its most memory."""
    most, begun = 0, time.monotonic()
    with subprocess.Popen([TALELIO, *words, "--config", server.ini], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = []
        reader = threading.Thread(target=lambda: said.append(process.stderr.read()))
        reader.start()
        while process.poll() is None:
            most = max(most, memory(process.pid, "VmHWM"))
            time.sleep(0.02)
        reader.join()
    if process.returncode != 0:
        sys.exit(f"bench: talelio {words[0]} failed: {said[0].decode()}")
    return time.monotonic() - begun, most


def phase(jobs):
    children = subprocess.run(["pgrep", "-l", "-P", str(jobs)], capture_output=True, text=True).stdout
    return "dumping" if "pg_dump" in children else "verifying" if "pg_restore" in children else "counting"


class Rounds:
    """Windows of a few seconds, in turn with nothing going on and during a backup."""

    def __init__(self, server, log, measure):
        self.server, self.log, self.measure = server, log, measure
        self.windows = {"quiet": []}
        self.jobs = jobs_process(server)
        self.took = []

    def quiet(self):
        self.windows["quiet"] += [self.measure() for _ in range(QUIET_WINDOWS)]

    def busy(self):
        return [window for name, found in self.windows.items() if name != "quiet" for window in found]

    def ended(self):
        text = self.log.read_text(errors="replace")
        if "has failed" in text or "could not be verified" in text:
            sys.exit(f"bench: the backup failed:\n{text[-2000:]}")
        return text.count("is verified")

    def backup(self):
        before = self.ended()
        # as if its schedule had been seen two years ago, and it had never been made
        psql(self.server.database, f"INSERT INTO job_schedules VALUES ('backup', 'backup', '{RARELY}', 'UTC') ON CONFLICT DO NOTHING; "
             "UPDATE job_schedules SET since = now() - interval '2 years'; DELETE FROM job_runs")  # fmt: skip
        while phase(self.jobs) != "dumping":
            time.sleep(0.01)
        begun = time.monotonic()
        while self.ended() == before:
            now = phase(self.jobs)
            self.windows.setdefault(now, []).append(self.measure())
        self.took.append(time.monotonic() - begun)


def middle(values):
    return sorted(values)[len(values) // 2]


def tell(table, rounds):
    quiet = middle([p99 for _, _, p99 in rounds.windows["quiet"]])
    rate = middle([rate for rate, _, _ in rounds.windows["quiet"]])
    table.note(f"# reads of an article at {rate:.0f} a second, nothing else: p99 {quiet:.2f} ms, of {len(rounds.windows['quiet'])} windows")
    for name, found in [*rounds.windows.items(), ("all of a backup", rounds.busy())]:
        if name != "quiet":
            p99 = middle([window[2] for window in found])
            table.note(f"#   {name:16} p99 {p99:6.2f} ms, {p99 / quiet:5.2f} times that, of {len(found)} windows")


def drill(table, server, name):
    """With the server stopped: the backups above are older than what the jobs process wrote down of them."""
    command(server, "backup", "now")
    before = fingerprint(server.database)
    rows = psql(server.database, "SELECT count(*) FROM articles")
    elsewhere = re.sub(r"/[A-Za-z0-9]+\?", "/postgres?", server.database, count=1)
    psql(elsewhere, f"DROP DATABASE {name}")
    psql(elsewhere, f"CREATE DATABASE {name}")
    took, most = command(server, "restore", "latest", "--to", server.database)
    assert fingerprint(server.database) == before, "what was restored is not what was there"
    table.note(f"# wiped and restored in {took:.0f} s, {most:.1f} MiB of memory; {rows} articles, and every byte of what pg_dump says, "
               "are as before")  # fmt: skip


def backup(table, folder, options, fill_articles, wrk):
    services = Services(folder / "durable", fast=False)
    server = Server(folder / "backup", services.postgres, services.redis, {"http": {"max_keepalive": "1000000000"}})
    try:
        fill_articles(server, server.start().author(), 1000)
        server.stop()
        fill(server.database, options.backup_size)
        key = subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, text=True, check=True).stdout.strip()
        server.changes |= {
            "store:backup": {"driver": "dir", "folder": folder / "backups"},
            "plugin:backup": {"enabled": "yes", "key": key, "database_url": server.database, "schedule": RARELY, "zone": "UTC",
                              "drill_schedule": "", "watch_schedule": ""},
            "log": {"access": "no"},
        }  # fmt: skip
        server.write_config()
        server.start()
        script = folder / "backup.lua"
        script.write_text(READ)
        rounds = Rounds(server, server.log_path, lambda: wrk(server.port, options.seconds, script=script, connections=CONNECTIONS))
        idle = footprint(rounds.jobs)[1] / 1024
        while len(rounds.busy()) < WINDOWS:
            rounds.quiet()
            rounds.backup()
        rounds.quiet()
        most = memory(rounds.jobs, "VmHWM")
        server.stop()
        megabytes = int(psql(server.database, "SELECT pg_database_size(current_database())")) >> 20
        tell(table, rounds)
        table.note(f"# {megabytes} MiB backed up and verified in {middle(rounds.took):.0f} s; the jobs process had {most:.1f} MiB of memory "
                   f"at most, {idle:.1f} before")  # fmt: skip
        drill(table, server, re.search(r"/([A-Za-z0-9]+)\?", server.database).group(1))
    finally:
        server.stop()
        subprocess.run([services.program, "stop", services.folder], check=True)
