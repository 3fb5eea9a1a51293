"""Backups: made, listed, verified, restored, fetched; and refused when they are not what they were."""

import datetime
import json
import os
import re
import secrets
import shutil
import subprocess
import time
import types

import pytest

import backups
from backups import DirStore, S3Store, ago, contents, forge, new_database, new_key
from server import BUILD, PATIENCE, ROOT, SANITIZED, TALELIO, Client, Server, eventually, jobs_process, memory, psql

NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
LONG = 4 * PATIENCE
MIB = 1 << 20
# Nothing that is due every night comes in the way of a test; see start_due.
RARELY = "30 2 29 3 *"


@pytest.fixture(params=["dir", "s3"])
def store(request, tmp_path):
    return DirStore(tmp_path / "objects") if request.param == "dir" else S3Store()


class Site:
    """A configured server that backs itself up into `store`."""

    def __init__(self, server, store, key):
        self.server, self.store, self.key = server, store, key
        self.database = server.database

    def run(self, *words, timeout=LONG, **rest):
        return self.server.run(*words, timeout=timeout, **rest)

    def good(self, *words, **rest):
        result = self.run(*words, **rest)
        assert result.returncode == 0, result.stderr + self.log()
        return result

    def bad(self, *words, **rest):
        """What is said on standard error."""
        result = self.run(*words, **rest)
        assert result.returncode == 1, result.stdout + result.stderr
        return result.stderr

    def log(self):
        return self.server.log_text()[-3000:]

    def now(self):
        return json.loads(self.good("backup", "now", "--json").stdout)["name"]

    def list(self):
        return json.loads(self.good("backup", "list", "--json").stdout)

    def state(self, name):
        return next(entry for entry in self.list() if entry["name"] == name)

    def configure(self, **values):
        self.server.changes["plugin:backup"].update(values)
        self.server.write_config()

    def start_due(self, **values):
        """Starts the server with a scheduled backup that was missed, as if its schedule had been seen two years ago: it is made
        at once."""
        self.configure(schedule=RARELY, zone="UTC", **values)
        psql(self.database, f"INSERT INTO job_schedules VALUES ('backup', 'backup', '{RARELY}', 'UTC', now() - interval '2 years')")
        self.server.start()


@pytest.fixture
def make_site(make_server):
    def make(store, key=None, rows=0, postgres=None, **values):
        section = {"enabled": "yes", "schedule": "", "drill_schedule": "", "watch_schedule": "", "load": "100", **values}
        section |= {"key": key} if key else {}
        server = make_server({"store:backup": store.section, "plugin:backup": section}, postgres=postgres)
        backups.fill(server.database, rows)
        server.changes["plugin:backup"].setdefault("database_url", server.database)
        server.write_config()
        return Site(server, store, key)

    return make


@pytest.fixture
def site(make_site, store):
    """With a key, and a dump of several chunks."""
    return make_site(store, new_key(), rows=300)


class TestFromBackupToRestore:
    def test_what_is_backed_up_comes_back(self, site):
        before = contents(site.database)
        name = site.now()
        assert NAME.fullmatch(name)
        listed = site.list()
        assert [(entry["name"], entry["state"]) for entry in listed] == [(name, "verified")]
        tables = {table["name"]: table["rows"] for table in listed[0]["manifest"]["tables"]}
        assert tables["public.big"] == 300
        assert tables['"odd schema"."Tab.le ""x"""'] == 3
        assert tables["public.parts_1"] == 10
        site.good("backup", "verify", name)
        assert "everything in it is as it was dumped" in site.good("backup", "drill", name).stdout
        assert site.state(name)["verdict"]["restorable"] is True

        target = new_database(site.database)
        result = site.good("restore", "latest", "--to", target)
        assert "all as they were dumped" in result.stdout
        assert "restoring" in result.stderr
        assert contents(target) == before

    def test_a_site_that_was_lost_is_there_again(self, make_site, store):
        site = make_site(store, new_key())
        site.now()
        before = contents(site.database)
        name = re.search(r"/([^/?]+)\?", site.database).group(1)
        elsewhere = backups.with_database(site.database, "postgres")
        psql(elsewhere, f"DROP DATABASE {name}")
        psql(elsewhere, f"CREATE DATABASE {name}")
        site.good("restore", "latest", "--to", site.database)
        assert contents(site.database) == before
        site.server.start()
        assert site.server.client().get("/v1/health/ready").status == 200

    def test_the_manifest_counts_what_the_dump_holds_while_others_write(self, site):
        writer = subprocess.Popen(["psql", "-X", "-q", "-d", site.database], stdin=subprocess.PIPE, text=True)
        writer.stdin.write("SELECT n FROM generate_series(1, 100000) n \\g /dev/null\n")
        for n in range(20000):
            writer.stdin.write(f"INSERT INTO parts VALUES ({n % 10}); DELETE FROM big WHERE id = {n % 300};\n")
        writer.stdin.flush()
        names = [site.now() for _ in range(3)]
        writer.kill()
        writer.wait()
        for name in names:
            site.good("backup", "drill", name)

    def test_without_a_key_the_dump_is_what_pg_dump_wrote(self, make_site, store, tmp_path):
        site = make_site(store)
        name = site.now()
        assert store.read(f"backup/{name}/dump")[:5] == b"PGDMP"
        site.good("backup", "drill", name)
        site.good("backup", "fetch", name, str(tmp_path / "plain"))
        assert (tmp_path / "plain").read_bytes() == store.read(f"backup/{name}/dump")

    def test_encrypted_dumps_have_the_documented_format(self, site, tmp_path):
        name = site.now()
        data = site.store.read(f"backup/{name}/dump")
        site.good("backup", "fetch", name, str(tmp_path / "plain"))
        plain = (tmp_path / "plain").read_bytes()
        assert plain[:5] == b"PGDMP" and len(data) > 2 * backups.CHUNK
        assert backups.decrypted(data, site.key) == plain
        file = json.loads(site.store.read(f"backup/{name}/manifest.json"))
        assert file["seal"]["value"] == backups.seal(
            "talelio manifest 1", backups.manifest_values(file["manifest"]), site.key
        )
        assert subprocess.run(["pg_restore", "--list", str(tmp_path / "plain")], capture_output=True).returncode == 0

    def test_only_three_objects_make_a_backup(self, site):
        name = site.now()
        assert site.store.keys() == [f"backup/{name}/{part}" for part in ("dump", "manifest.json", "verdict.json")]
        assert not site.store.unfinished()

    def test_memory_of_the_jobs_process_stays_below_64_mib(self, make_site, store, monkeypatch):
        # AddressSanitizer keeps up to 256 MiB of what was freed, so as to notice its use
        monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8")
        # given a dump that is larger than what may be used
        site = make_site(store, new_key(), rows=20000, compression="0")
        # when the server makes and verifies it
        site.start_due()
        eventually(lambda: "is verified" in site.server.log_text(), seconds=LONG)
        jobs = jobs_process(site.server)
        workers = [pid for pid in site.server.workers() if pid != jobs]
        used, idle = memory(jobs, "VmHWM"), memory(workers[0], "VmHWM")
        site.server.stop()
        assert site.list()[0]["manifest"]["size"] > 64 * MIB
        # then it was never in memory; sanitizers need some of their own, as much as in a process that does nothing
        assert used < (idle if SANITIZED else 0) + 64, (used, idle)


class TestRestore:
    def test_a_database_that_is_not_empty_is_refused(self, make_site, store):
        site = make_site(store, new_key())
        site.now()
        target = new_database(site.database)
        psql(target, "CREATE TABLE precious (n int); INSERT INTO precious VALUES (1)")
        assert "is not empty" in site.bad("restore", "latest", "--to", target)
        assert psql(target, "SELECT n FROM precious") == "1"

    def test_replacing_keeps_the_database_as_it_was(self, make_site, store):
        site = make_site(store, new_key())
        site.now()
        target = new_database(site.database)
        psql(target, "CREATE TABLE precious (n int); INSERT INTO precious VALUES (1)")
        said = site.good("restore", "latest", "--to", target, "--replace").stdout
        assert contents(target) == contents(site.database)
        kept = re.search(r"is kept as (\w+)", said).group(1)
        assert psql(backups.with_database(target, kept), "SELECT n FROM precious") == "1"

    def test_replacing_a_database_in_use_changes_nothing(self, make_site, store):
        site = make_site(store, new_key())
        site.now()
        target = new_database(site.database)
        psql(target, "CREATE TABLE precious (n int)")
        with subprocess.Popen(["psql", "-X", "-q", "-d", target], stdin=subprocess.PIPE) as visitor:
            eventually(lambda: psql(target, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == "2")
            assert "stop the server first" in site.bad("restore", "latest", "--to", target, "--replace")
            visitor.stdin.close()
        assert psql(target, "SELECT count(*) FROM precious") == "0"
        assert psql(target, "SELECT count(*) FROM pg_database WHERE starts_with(datname, left(current_database(), 40))") == "1"

    def test_the_disaster_drill_of_the_readme_ends_with_the_site_serving(self, make_site, store, tmp_path):
        # given a site with an article, a backup of it, and its sources in a new folder, with what is built
        site = make_site(store, new_key())
        site.server.start()
        article = site.server.author().publish("What was there").json["article"]
        site.server.stop()
        site.now()
        clone = tmp_path / "talelio"
        shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns("build*", "var", ".git", ".env"))
        (clone / "build").symlink_to(BUILD)
        # when the README's commands are typed, all but the one for packages and build, with the values of this store
        text = (ROOT / "README.md").read_text()
        values, commands = re.findall(r"```sh\n(.*?)```", text[text.index("### After a disaster\n") :], re.S)[:2]
        assert re.findall(r" (\w+)=", values.split("\n", 1)[1]) == ["BACKUP_S3_ENDPOINT", "BACKUP_S3_REGION", "BACKUP_S3_BUCKET",
                                                                 "BACKUP_S3_ACCESS_KEY", "BACKUP_S3_SECRET_KEY", "BACKUP_KEY"]  # fmt: skip
        build, *others, serve = commands.strip().split("\n")
        assert "install_packages" in build and serve.startswith("scripts/serve ")
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": "0", **backups.recovery(store, site.key)}
        try:
            typed = "\n".join([*others, 'printf "%s\\n" "$DATABASE_URL" "$REDIS_ADDRESS"'])
            result = subprocess.run(["bash", "-euc", typed], env=env, cwd=clone, capture_output=True, text=True, timeout=LONG)
            assert result.returncode == 0, result.stderr
            assert "all as they were dumped" in result.stdout
            # then a server on what came of it has the article
            database, redis = result.stdout.split()[-2:]
            restored = types.SimpleNamespace(database=database, prefix="again:", mail=tmp_path / "mail")
            again = Server(tmp_path / "again", database, redis, share=restored)
            again.start()
            assert again.client().get(f"/v1/articles/{article['slug']}").json["article"] == article
            again.stop()
        finally:
            subprocess.run([clone / "scripts/services", "stop"], check=True)

    def test_on_an_empty_machine_the_store_and_the_key_open_a_dump(self, make_site, store, tmp_path):
        """With config/recovery.ini as it stands, and neither a database nor a server."""
        site = make_site(store, new_key())
        name = site.now()
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TALELIO_BUILD": str(BUILD), **backups.recovery(store, site.key)}

        def recover(*words):
            command = [TALELIO, *words, "--config", ROOT / "config/recovery.ini"]
            result = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=LONG)
            assert result.returncode == 0, result.stderr
            return result.stdout

        assert name in recover("backup", "list")
        recover("backup", "fetch", "latest", "site.dump")
        subprocess.run(["pg_restore", "--list", tmp_path / "site.dump"], check=True, capture_output=True)
        (tmp_path / "copied").write_bytes(store.read(f"backup/{name}/dump"))
        recover("backup", "decrypt", "copied", "opened.dump")
        assert (tmp_path / "opened.dump").read_bytes() == (tmp_path / "site.dump").read_bytes()

    def test_reading_needs_neither_database_nor_redis(self, make_site, store, tmp_path):
        site = make_site(store, new_key())
        name = site.now()
        away = "postgresql:///none?host=/nonexistent&user=nobody"
        site.server.changes |= {"postgres": {"url": away}, "redis": {"address": "/nonexistent/redis.sock"}}
        site.configure(database_url=away)
        assert site.list()[0]["name"] == name
        site.good("backup", "show", name)
        site.good("backup", "verify", name)
        site.good("backup", "fetch", name, str(tmp_path / "plain"))
        site.good("backup", "prune", "--dry-run")
        assert "cannot be reached" in site.bad("backup", "now")

    def test_a_file_is_never_written_over(self, make_site, store, tmp_path):
        site = make_site(store, new_key())
        name = site.now()
        (tmp_path / "mine").write_text("mine")
        assert "is there already" in site.bad("backup", "fetch", name, str(tmp_path / "mine"))
        assert (tmp_path / "mine").read_text() == "mine"


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def swap(data):
    h, c = backups.HEADER, backups.CHUNK
    return data[:h] + data[h + c : h + 2 * c] + data[h : h + c] + data[h + 2 * c :]


DAMAGES = {
    "a flipped byte": (lambda data: flip(data, len(data) // 2), "altered"),
    "a flipped byte in the header": (lambda data: flip(data, 30), "altered"),
    "the last byte flipped": (lambda data: flip(data, len(data) - 1), "altered"),
    "a missing tail": (lambda data: data[:-1000], "a part is missing"),
    "a missing last byte": (lambda data: data[:-1], "a part is missing"),
    "something behind it": (lambda data: data + b"x", "something was appended"),
    "swapped chunks": (swap, "altered"),
    "no bytes at all": (lambda data: b"", "a part is missing"),
}


class TestRefusals:
    """Every damage is named by verify, drill and restore, and what is named is never restored."""

    @pytest.fixture
    def store(self, tmp_path):
        return DirStore(tmp_path / "objects")

    def everywhere(self, site, name, *reasons, states=("failed",)):
        target = new_database(site.database)
        for words in (["backup", "verify", name], ["backup", "drill", name], ["restore", name, "--to", target]):
            said = site.bad(*words)
            assert any(reason in said for reason in reasons), said
        assert contents(target) == contents(new_database(site.database))
        assert site.state(name)["state"] in states
        assert "none of the backups is verified" in site.bad("restore", "latest", "--to", target)
        assert psql(site.database, "SELECT count(*) FROM pg_database WHERE datname LIKE 'talelio_drill_' || "
                    "(SELECT oid FROM pg_database WHERE datname = current_database()) || '%'") == "0"  # fmt: skip

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_dump(self, site, damage):
        change, reason = DAMAGES[damage]
        name = site.now()
        key = f"backup/{name}/dump"
        data = site.store.read(key)
        site.store.write(key, change(data))
        self.everywhere(site, name, reason)
        site.store.write(key, data)
        site.good("backup", "verify", name)
        assert site.state(name)["state"] == "verified"

    def test_a_damaged_dump_in_a_bucket(self, make_site):
        site = make_site(S3Store(), new_key())
        name = site.now()
        key = f"backup/{name}/dump"
        site.store.write(key, flip(site.store.read(key), 3000))
        self.everywhere(site, name, "altered")

    def test_a_damaged_dump_that_is_not_encrypted(self, make_site, store, tmp_path):
        site = make_site(store, rows=300)
        name = site.now()
        key = f"backup/{name}/dump"
        data = store.read(key)
        store.write(key, flip(data, len(data) // 2))
        said = site.bad("backup", "verify", name)
        assert "altered" in said or "pg_restore failed" in said
        assert site.state(name)["state"] == "failed"

        # A restore that has no pg_restore would fail for that as soon as it begins: it does not get that far.
        site.configure(programs=tmp_path)
        for where in ([new_database(site.database)], [site.database, "--replace"]):
            said = site.bad("restore", name, "--to", *where)
            assert "its dump has been altered" in said and "pg_restore" not in said

    def test_a_dump_that_is_gone(self, make_site, store):
        site = make_site(store, new_key())
        name = site.now()
        store.delete(f"backup/{name}/dump")
        self.everywhere(site, name, "its dump is missing", states=("refused",))

    def test_an_altered_manifest(self, make_site, store):
        site = make_site(store, new_key())
        name = site.now()
        key = f"backup/{name}/manifest.json"
        original = json.loads(store.read(key))
        for change in ({"size": 5}, {"name": "20200101T000000Z-00000000"}, {"server_version": "9"}, {"tables": []}, {"started": 0}):
            store.write(key, json.dumps({**original, "manifest": original["manifest"] | change}).encode())
            self.everywhere(site, name, "its manifest has been altered", states=("refused",))
        original["manifest"]["tables"][0]["rows"] += 1
        store.write(key, json.dumps(original).encode())
        self.everywhere(site, name, "its manifest has been altered", states=("refused",))

    def test_a_manifest_that_somebody_without_the_key_has_made(self, make_site, store):
        site = make_site(store, new_key())
        name = site.now()
        key = f"backup/{name}/manifest.json"
        manifest = json.loads(store.read(key))["manifest"] | {"key_id": None}
        store.write(key, backups.sealed_file("manifest", manifest, None))
        self.everywhere(site, name, "not authenticated", states=("refused",))
        store.write(key, b'{"manifest": [')
        self.everywhere(site, name, "its manifest is damaged", states=("refused",))

    def test_a_manifest_of_another_backup(self, make_site, store):
        site = make_site(store, new_key())
        first, second = site.now(), site.now()
        store.write(f"backup/{second}/manifest.json", store.read(f"backup/{first}/manifest.json"))
        assert f"its manifest is that of {first}" in site.bad("backup", "verify", second)

    def test_a_dump_of_another_backup(self, make_site, store):
        site = make_site(store, new_key())
        first, second = site.now(), site.now()
        store.write(f"backup/{second}/dump", store.read(f"backup/{first}/dump"))
        said = site.bad("backup", "verify", second)
        assert "altered" in said or "expected" in said

    def test_an_altered_verdict_counts_for_nothing(self, make_site, store):
        site = make_site(store, new_key())
        name = site.now()
        key = f"backup/{name}/verdict.json"
        file = json.loads(store.read(key))
        file["verdict"]["drilled"] = 5
        store.write(key, json.dumps(file).encode())
        assert site.state(name)["state"] == "not verified"

    def test_a_wrong_key(self, make_site, store):
        site = make_site(store, new_key())
        name = site.now()
        site.configure(key=new_key())
        self.everywhere(site, name, f"made with key {backups.key_id(site.key)}", states=("refused",))
        site.configure(key="")
        self.everywhere(site, name, f"made with key {backups.key_id(site.key)}", states=("refused",))

    def test_keys_can_change(self, make_site, store):
        site = make_site(store, new_key())
        old = site.now()
        site.configure(key=new_key(), old_keys=f"{site.key}, {new_key()}")
        new = site.now()
        assert store.read(f"backup/{old}/dump")[16:24] != store.read(f"backup/{new}/dump")[16:24]
        site.good("backup", "verify", old)
        site.good("backup", "drill", old)
        assert [entry["state"] for entry in site.list()] == ["verified", "verified"]


class TestRetention:
    def test_what_no_rule_keeps_goes_and_a_dry_run_only_says_so(self, make_site, store):
        site = make_site(store, keep_daily="2", keep_weekly="0", keep_monthly="0")
        real = site.now()
        names = [forge(store, real, ago(days=days)) for days in (1, 2, 3)]
        strange = ["backup/notes.txt", "backup/20201301T000000Z-00000000/dump", f"other/{names[1]}/dump", f"backup2/{real}/dump"]
        for key in strange:
            store.write(key, b"mine")
        said = json.loads(site.good("backup", "prune", "--dry-run", "--json").stdout)
        assert {item["name"] for item in said["backups"] if item["deleted"]} == set(names[1:])
        assert len(site.list()) == 4
        site.good("backup", "prune")
        assert {entry["name"] for entry in site.list()} == {real, names[0]}
        assert set(strange) <= set(store.keys())
        assert len(store.keys()) == 2 * 3 + len(strange)

    def test_the_last_verified_one_stays(self, make_site, store):
        site = make_site(store, keep_daily="1", keep_weekly="0", keep_monthly="0")
        real = site.now()
        verified = forge(store, real, ago(days=20))
        later = [forge(store, real, ago(days=days), verified=False) for days in (3, 2)]
        store.delete(f"backup/{real}/verdict.json")
        site.good("backup", "prune")
        assert {entry["name"] for entry in site.list()} == {verified, real}
        assert later[0] not in str(store.keys())

    def test_what_is_unfinished_goes_after_a_day_and_what_is_refused_stays(self, make_site, store):
        site = make_site(store, new_key(), keep_daily="1", keep_weekly="0", keep_monthly="0")
        real = site.now()
        young = f"backup/{ago(minutes=5):%Y%m%dT%H%M%SZ}-00000001/dump"
        store.write(young, b"x")
        refused = forge(store, real, ago(days=9), key=new_key())
        if isinstance(store, DirStore):
            old = f"backup/{ago(days=5):%Y%m%dT%H%M%SZ}-00000002/dump"
            store.write(old, b"x")
            os.utime(store.path(old), (time.time() - 5 * 86400,) * 2)
        site.good("backup", "prune")
        left = {key.split("/")[1] for key in store.keys()}
        assert left == {real, refused, young.split("/")[1]}


class TestKnowing:
    @pytest.fixture
    def store(self, tmp_path):
        return DirStore(tmp_path / "objects")

    def test_list_and_show_are_readable(self, make_site, store):
        site = make_site(store, new_key())
        assert "There are none" in site.good("backup", "list").stdout
        name = site.now()
        lines = site.good("backup", "list").stdout.splitlines()
        assert lines[0].split()[:4] == ["NAME", "AGE", "SIZE", "STATE"]
        assert name in lines[1] and "verified" in lines[1] and "never" in lines[1]
        shown = site.good("backup", "show").stdout
        assert "public.big" in shown and backups.key_id(site.key) in shown and "schema" in shown

    def test_wrong_words_are_explained(self, make_site, store):
        site = make_site(store)
        for words in (["backup"], ["backup", "bake"], ["backup", "fetch", "latest"], ["backup", "list", "--jason"],
                      ["backup", "now", "--dry-run"], ["restore", "latest"], ["restore", "latest", "--to"]):  # fmt: skip
            result = site.run(*words)
            assert result.returncode == 2 and "usage: talelio" in result.stderr, words
        assert "no name of a backup" in site.bad("backup", "verify", "../../etc")
        assert "there is no backup 2" in site.bad("backup", "verify", "20200101T000000Z-00000000")

    def test_progress_is_told(self, make_site, store):
        site = make_site(store)
        said = site.good("backup", "now").stderr
        assert [said.index(step) for step in ("dumping", "counting rows", "verifying")] == sorted(
            said.index(step) for step in ("dumping", "counting rows", "verifying")
        )

    def alarms(self, site, tmp_path):
        inbox = tmp_path / "alarm"
        script = tmp_path / "alarm.sh"
        script.write_text('#!/bin/sh\nprintf "%s|" "$@" >>"$1"\ncat >>"$1"\n')
        script.chmod(0o755)
        site.configure(alarm_command=f"{script}, {inbox}, two words; $$(no shell)", alarm_mail="owner@example.org")
        return inbox

    def mails(self, site):
        return psql(site.database, "SELECT subject FROM mail_outbox WHERE recipient = 'owner@example.org'").splitlines()

    def test_an_old_backup_raises_an_alarm_once_a_day(self, make_site, store, tmp_path):
        site = make_site(store, watch_schedule="0 0 1 1 *")
        inbox = self.alarms(site, tmp_path)
        real = site.now()
        site.good("jobs", "run", "backup", "watch")
        assert not inbox.exists() and not self.mails(site)
        name = forge(store, real, ago(hours=27))
        backups_keys = [key for key in store.keys() if real in key]
        for key in backups_keys:
            store.delete(key)
        for _ in range(2):
            site.good("jobs", "run", "backup", "watch")
        said = inbox.read_text()
        assert said.startswith(f"{inbox}|two words; $(no shell)|It is {name}") and said.count("It is") == 1
        assert self.mails(site) == ["The newest verified backup is too old"]

    def test_none_at_all_raises_an_alarm_too(self, make_site, store, tmp_path):
        site = make_site(store, watch_schedule="0 0 1 1 *")
        inbox = self.alarms(site, tmp_path)
        site.good("jobs", "run", "backup", "watch")
        assert "There is none at all" in inbox.read_text()

    def test_a_failed_backup_and_a_failed_drill_raise_an_alarm(self, make_site, store, tmp_path):
        site = make_site(store, new_key(), schedule="0 3 * * *", drill_schedule="0 5 * * 0")
        inbox = self.alarms(site, tmp_path)
        site.good("jobs", "run", "backup", "backup")
        site.good("jobs", "run", "backup", "drill")
        name = site.list()[0]["name"]
        data = store.read(f"backup/{name}/dump")
        store.write(f"backup/{name}/dump", flip(data, 5000))
        assert site.run("jobs", "run", "backup", "drill").returncode != 0
        assert "altered" in inbox.read_text()
        site.configure(database_url="postgresql:///nowhere?host=/nonexistent")
        assert site.run("jobs", "run", "backup", "backup").returncode != 0
        assert "the database cannot be reached" in inbox.read_text()
        assert self.mails(site) == ["The restore drill has failed", "The backup has failed"]

    def test_readiness_is_degraded_and_still_200(self, make_site, store):
        site = make_site(store, watch_schedule="0 0 1 1 *")
        site.server.start()
        answer = site.server.client().get("/v1/health/ready")
        assert answer.status == 200
        assert answer.json["status"] == "degraded" and answer.json["backup"]["status"] == "degraded"
        site.server.stop()
        site.now()
        site.server.start()
        answer = site.server.client().get("/v1/health/ready")
        assert answer.json["status"] == "up" and answer.json["backup"]["status"] == "up"

    def test_the_schedule_makes_verifies_and_prunes(self, make_site, store):
        site = make_site(store, new_key(), keep_daily="1", keep_weekly="0", keep_monthly="0")
        old = forge(store, site.now(), ago(days=3), key=site.key)
        site.start_due()
        eventually(lambda: "old backups are deleted" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert "is verified" in site.server.log_text()
        assert old not in str(store.keys())
        assert {entry["state"] for entry in site.list()} == {"verified"}

    def test_one_that_rests_most_of_the_time_is_as_good(self, make_site, store):
        site = make_site(store, new_key(), rows=300, load="20")
        site.start_due()
        eventually(lambda: "is verified" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert [entry["state"] for entry in site.list()] == ["verified"]


class TestConfiguration:
    @pytest.mark.parametrize(
        "values, reason",
        [
            ({"key": "c2hvcnQ="}, "'key': expected 32 bytes in base64"),
            ({"key": "hunter2!"}, "'key': expected 32 bytes in base64"),
            ({"old_keys": "x"}, "'old_keys' are set without a 'key'"),
            ({"store": "attic"}, "there is no section [store:attic]"),
            ({"prefix": "../x"}, "'prefix'"),
            ({"prefix": "/x"}, "'prefix'"),
            ({"keep_daily": "0", "keep_weekly": "0", "keep_monthly": "0"}, "nothing would be kept"),
            ({"database_url": "mysql://secret"}, "'database_url': expected postgresql://"),
            ({"database_url": "service=x"}, "'service' cannot be used here"),
            ({"schedule": "0 3 * * *", "database_url": ""}, "'database_url' is empty"),
            ({"schedule": "0 3 * * *", "programs": "/nonexistent"}, "there is no pg_dump in /nonexistent"),
            ({"schedule": "61 3 * * *"}, "schedule"),
            ({"zone": "Europe/Atlantis", "schedule": "0 3 * * *"}, "zone"),
        ],
    )
    def test_mistakes_are_told(self, make_site, tmp_path, values, reason):
        site = make_site(DirStore(tmp_path / "objects"))
        site.configure(**values)
        said = site.bad("check")
        assert reason in said
        for secret in ("hunter2!", "secret@"):
            assert secret not in said

    def test_a_pg_dump_that_is_too_old_is_told_at_the_start(self, make_site, tmp_path):
        site = make_site(DirStore(tmp_path / "objects"), schedule="0 3 * * *", programs=tmp_path)
        for name in ("pg_dump", "pg_restore"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6.24'\n")
            (tmp_path / name).chmod(0o755)
        assert re.search(r"pg_dump is of version 9, but the server is of version \d+", site.bad("check"))
        assert re.search(r"pg_dump is of version 9, but the server is of version \d+", site.bad("backup", "now"))
