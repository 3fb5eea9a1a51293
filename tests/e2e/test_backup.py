"""Backups: made, listed, verified, restored, fetched; and refused when they are not what they were."""

import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import types

import pytest

import backups
from backups import MIB, DirStore, S3Store, ago, contents, forge, name_of, new_database, new_key
from server import BUILD, PATIENCE, ROOT, SANITIZED, TALELIO, Server, eventually, jobs_process, memory, psql

pytestmark = pytest.mark.slow

NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
LONG = 4 * PATIENCE
# Nothing that is due every night comes in the way of a test; see start_due.
RARELY = "30 2 29 3 *"


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

    def begin(self, *words, **rest):
        """As `run`, without waiting for its end."""
        command = [TALELIO, *words, "--config", self.server.ini]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **rest)

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


@pytest.fixture(scope="session")
def origin(make_server):
    """A database with all migrations and some of everything; copying it is quicker than making another."""
    server = make_server()
    backups.fill(server.database)
    return server


@pytest.fixture(scope="session")
def make_site(make_server, origin, run_folder):
    def make_database(postgres):
        if postgres:
            server = make_server(postgres=postgres)
            backups.fill(server.database)
            return server
        database = new_database(origin.database, like=name_of(origin.database))
        return types.SimpleNamespace(database=database, prefix=name_of(database) + ":", mail=tempfile.mkdtemp(dir=run_folder))

    def make(store, key=None, noise=0, mib=0, postgres=None, **values):
        section = {"enabled": "yes", "schedule": "", "drill_schedule": "", "watch_schedule": "", "load": "100", **values}
        section |= {"key": key} if key else {}
        made = make_database(postgres)
        if noise:
            backups.add_noise(made.database, noise)
        if mib:
            backups.add_mib(made.database, mib)
        section.setdefault("database_url", made.database)
        return Site(make_server({"store:backup": store.section, "plugin:backup": section}, share=made), store, key)

    return make


@pytest.fixture
def folder(tmp_path):
    return DirStore(tmp_path / "objects")


@pytest.fixture(scope="class")
def shared_folder(run_folder):
    return DirStore(tempfile.mkdtemp(dir=run_folder))


@pytest.fixture(params=["dir", "s3"])
def store(request, folder):
    """For what the transfer to the store, or its listing, has a part in."""
    return folder if request.param == "dir" else S3Store()


def as_it_was(site):
    """A site that tests share, whose settings and objects are put back after each."""
    settings, objects = copy.deepcopy(site.server.changes), site.store.copy()
    yield site
    site.server.changes = settings
    site.server.write_config()
    site.store.put_back(objects)


@pytest.mark.ships
class TestFromBackupToRestore:
    @pytest.fixture(scope="class", params=["dir", "s3"])
    def backed(self, request, make_site, shared_folder):
        """A site with a key, and a backup of it: a dump of several chunks."""
        site = make_site(shared_folder if request.param == "dir" else S3Store(), new_key(), noise=300)
        site.name = site.now()
        return site

    def test_what_is_backed_up_comes_back(self, backed):
        assert NAME.fullmatch(backed.name)
        listed = backed.list()
        assert [(entry["name"], entry["state"]) for entry in listed] == [(backed.name, "verified")]
        tables = {table["name"]: table["rows"] for table in listed[0]["manifest"]["tables"]}
        assert tables["public.big"] == 300
        assert tables['"odd schema"."Tab.le ""x"""'] == 3
        assert tables["public.parts_1"] == 10
        backed.good("backup", "verify", backed.name)
        assert "everything in it is as it was dumped" in backed.good("backup", "drill", backed.name).stdout
        assert backed.state(backed.name)["verdict"]["restorable"] is True

        target = new_database(backed.database)
        result = backed.good("restore", "latest", "--to", target)
        assert "all as they were dumped" in result.stdout
        assert "restoring" in result.stderr
        assert contents(target) == contents(backed.database)

    def test_encrypted_dumps_have_the_documented_format(self, backed, tmp_path):
        name = backed.name
        data = backed.store.read(f"backup/{name}/dump")
        backed.good("backup", "fetch", name, str(tmp_path / "plain"))
        plain = (tmp_path / "plain").read_bytes()
        assert plain[:5] == b"PGDMP" and len(data) > 2 * backups.CHUNK
        assert backups.decrypted(data, backed.key) == plain
        file = json.loads(backed.store.read(f"backup/{name}/manifest.json"))
        assert file["seal"]["value"] == backups.seal(
            "talelio manifest 1", backups.manifest_values(file["manifest"]), backed.key
        )
        assert subprocess.run(["pg_restore", "--list", str(tmp_path / "plain")], capture_output=True).returncode == 0

    def test_only_three_objects_make_a_backup(self, backed):
        assert backed.store.keys() == [f"backup/{backed.name}/{part}" for part in ("dump", "manifest.json", "verdict.json")]
        assert not backed.store.unfinished()


class TestTheDump:
    def test_a_site_that_was_lost_is_there_again(self, make_site, folder):
        site = make_site(folder, new_key())
        site.now()
        before = contents(site.database)
        elsewhere = backups.with_database(site.database, "postgres")
        psql(elsewhere, f"DROP DATABASE {name_of(site.database)}")
        psql(elsewhere, f"CREATE DATABASE {name_of(site.database)}")
        site.good("restore", "latest", "--to", site.database)
        assert contents(site.database) == before
        site.server.start()
        assert site.server.client().get("/v1/health/ready").status == 200

    def test_the_manifest_counts_what_the_dump_holds_while_others_write(self, make_site, folder):
        # given somebody who writes all the time, and somebody who keeps pg_dump from its first table
        site = make_site(folder, new_key())
        psql(site.database, "INSERT INTO big SELECT n FROM generate_series(1, 100000) n")

        def written():
            return int(psql(site.database, "SELECT count(*) FROM parts_1"))

        def left():
            return int(psql(site.database, "SELECT count(*) FROM big"))

        with contextlib.ExitStack() as ends:
            writer = self.visitor(ends, site, "DO $$ BEGIN FOR n IN 1..1000000 LOOP INSERT INTO parts VALUES (n % 10); "
                                  "DELETE FROM big WHERE id = n; COMMIT; PERFORM pg_sleep(0.001); END LOOP; END $$;")  # fmt: skip
            holder = self.visitor(ends, site, "BEGIN; LOCK TABLE nothing_in_it;")
            eventually(lambda: written() > 10)
            # when a backup is made, and pg_dump may go on after rows were written and deleted behind its snapshot
            process = site.begin("backup", "now", "--json")
            eventually(lambda: self.waits(site))
            before = written()
            eventually(lambda: written() > before + 10)
            holder.stdin.close()
            said, why = process.communicate(timeout=LONG)
            assert process.returncode == 0, why
            # and until it was counted
            assert writer.poll() is None
            last, left_last = written(), left()
        # then what was counted is what was dumped, and neither has what came later
        name = json.loads(said)["name"]
        tables = {table["name"]: table["rows"] for table in site.state(name)["manifest"]["tables"]}
        assert tables["public.parts_1"] <= before < last
        assert tables["public.big"] > left_last
        site.good("backup", "drill", name)

    def visitor(self, ends, site, statement):
        """Somebody who is connected until `ends` does."""
        process = subprocess.Popen(["psql", "-X", "-q", "-d", site.database], stdin=subprocess.PIPE, text=True)
        ends.callback(process.wait)
        ends.callback(psql, site.database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                      "WHERE datname = current_database() AND application_name = 'psql' AND pid <> pg_backend_pid()")  # fmt: skip
        process.stdin.write(statement + "\n")
        process.stdin.flush()
        return process

    def waits(self, site):
        return psql(site.database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'pg_dump' AND wait_event_type = 'Lock'") == "1"  # fmt: skip

    def test_without_a_key_the_dump_is_what_pg_dump_wrote(self, make_site, folder, tmp_path):
        site = make_site(folder)
        name = site.now()
        assert folder.read(f"backup/{name}/dump")[:5] == b"PGDMP"
        site.good("backup", "drill", name)
        site.good("backup", "fetch", name, str(tmp_path / "plain"))
        assert (tmp_path / "plain").read_bytes() == folder.read(f"backup/{name}/dump")


@pytest.mark.ships
class TestMemory:
    def test_that_of_the_jobs_process_stays_below_64_mib(self, make_site, store, monkeypatch):
        # AddressSanitizer keeps up to 256 MiB of what was freed, so as to notice its use
        monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8")
        # given a dump that is larger than what may be used
        site = make_site(store, new_key(), mib=68, compression="0")
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
    @pytest.fixture(scope="class")
    def backed(self, make_site, shared_folder):
        """A site, and a backup of it."""
        site = make_site(shared_folder, new_key())
        site.name = site.now()
        return site

    @pytest.fixture
    def site(self, backed):
        yield from as_it_was(backed)

    def test_a_database_that_is_not_empty_is_refused(self, site):
        target = new_database(site.database)
        psql(target, "CREATE TABLE precious (n int); INSERT INTO precious VALUES (1)")
        assert "is not empty" in site.bad("restore", "latest", "--to", target)
        assert psql(target, "SELECT n FROM precious") == "1"

    def test_replacing_keeps_the_database_as_it_was(self, site):
        target = new_database(site.database)
        psql(target, "CREATE TABLE precious (n int); INSERT INTO precious VALUES (1)")
        said = site.good("restore", "latest", "--to", target, "--replace").stdout
        assert contents(target) == contents(site.database)
        kept = re.search(r"is kept as (\w+)", said).group(1)
        assert psql(backups.with_database(target, kept), "SELECT n FROM precious") == "1"

    def test_replacing_a_database_in_use_changes_nothing(self, site):
        target = new_database(site.database)
        psql(target, "CREATE TABLE precious (n int)")
        with subprocess.Popen(["psql", "-X", "-q", "-d", target], stdin=subprocess.PIPE) as visitor:
            eventually(lambda: psql(target, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == "2")
            assert "stop the server first" in site.bad("restore", "latest", "--to", target, "--replace")
            visitor.stdin.close()
        assert psql(target, "SELECT count(*) FROM precious") == "0"
        assert psql(target, "SELECT count(*) FROM pg_database WHERE starts_with(datname, left(current_database(), 40))") == "1"

    def test_reading_needs_neither_database_nor_redis(self, site, tmp_path):
        away = "postgresql:///none?host=/nonexistent&user=nobody"
        site.server.changes |= {"postgres": {"url": away}, "redis": {"address": "/nonexistent/redis.sock"}}
        site.configure(database_url=away)
        assert site.list()[0]["name"] == site.name
        site.good("backup", "show", site.name)
        site.good("backup", "verify", site.name)
        site.good("backup", "fetch", site.name, str(tmp_path / "plain"))
        site.good("backup", "prune", "--dry-run")
        assert "cannot be reached" in site.bad("backup", "now")

    def test_a_file_is_never_written_over(self, site, tmp_path):
        (tmp_path / "mine").write_text("mine")
        assert "is there already" in site.bad("backup", "fetch", site.name, str(tmp_path / "mine"))
        assert (tmp_path / "mine").read_text() == "mine"


class TestDisaster:
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

    def test_the_disaster_drill_of_the_readme_ends_with_the_site_serving(self, make_site, tmp_path):
        # given a site with an article, a backup of it, and its sources in a new folder, with what is built
        site = make_site(S3Store(), new_key())
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
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": "0", **backups.recovery(site.store, site.key)}
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


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


# Each is refused for a reason of its own; that every other byte counts, and every other order, is in test_backup_stream.c.
DAMAGES = {
    "a flipped byte": (lambda data: flip(data, len(data) // 2), "altered"),
    "the last byte flipped": (lambda data: flip(data, len(data) - 1), "altered"),
    "a missing tail": (lambda data: data[:-1000], "a part is missing"),
    "something behind it": (lambda data: data + b"x", "something was appended"),
    "no bytes at all": (lambda data: b"", "a part is missing"),
}


class Refused:
    """Every damage is named by verify, drill and restore, and what is named is never restored."""

    @pytest.fixture(scope="class")
    def backed(self, make_site, shared_folder):
        return self.back_up(make_site(shared_folder, new_key(), noise=300))

    def back_up(self, site):
        """Together with an empty database."""
        site.name = site.now()
        site.target = new_database(site.database)
        site.nothing = contents(site.target)
        return site

    @pytest.fixture
    def site(self, backed):
        yield from as_it_was(backed)

    def everywhere(self, site, *reasons, states=("failed",)):
        for words in (["backup", "verify", site.name], ["backup", "drill", site.name],
                      ["restore", site.name, "--to", site.target]):  # fmt: skip
            said = site.bad(*words)
            assert any(reason in said for reason in reasons), said
        assert contents(site.target) == site.nothing
        assert site.state(site.name)["state"] in states
        assert "none of the backups is verified" in site.bad("restore", "latest", "--to", site.target)
        assert psql(site.database, "SELECT count(*) FROM pg_database WHERE datname LIKE 'talelio_drill_' || "
                    "(SELECT oid FROM pg_database WHERE datname = current_database()) || '%'") == "0"  # fmt: skip


class TestRefusedDumps(Refused):
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_one(self, site, damage):
        change, reason = DAMAGES[damage]
        key = f"backup/{site.name}/dump"
        data = site.store.read(key)
        site.store.write(key, change(data))
        self.everywhere(site, reason)
        site.store.write(key, data)
        site.good("backup", "verify", site.name)
        assert site.state(site.name)["state"] == "verified"

    def test_a_damaged_one_in_a_bucket(self, make_site):
        site = self.back_up(make_site(S3Store(), new_key()))
        key = f"backup/{site.name}/dump"
        site.store.write(key, flip(site.store.read(key), 3000))
        self.everywhere(site, "altered")

    def test_a_damaged_one_that_is_not_encrypted(self, make_site, folder, tmp_path):
        site = make_site(folder, noise=300)
        name = site.now()
        key = f"backup/{name}/dump"
        data = folder.read(key)
        folder.write(key, flip(data, len(data) // 2))
        said = site.bad("backup", "verify", name)
        assert "altered" in said or "pg_restore failed" in said
        assert site.state(name)["state"] == "failed"

        # A restore that has no pg_restore would fail for that as soon as it begins: it does not get that far.
        site.configure(programs=tmp_path)
        for where in ([new_database(site.database)], [site.database, "--replace"]):
            said = site.bad("restore", name, "--to", *where)
            assert "its dump has been altered" in said and "pg_restore" not in said

    def test_one_that_is_gone(self, site):
        site.store.delete(f"backup/{site.name}/dump")
        self.everywhere(site, "its dump is missing", states=("refused",))

    def test_that_of_another_backup(self, site):
        second = site.now()
        site.store.write(f"backup/{second}/dump", site.store.read(f"backup/{site.name}/dump"))
        said = site.bad("backup", "verify", second)
        assert "altered" in said or "expected" in said


class TestRefusedManifests(Refused):
    def test_an_altered_one(self, site):
        key = f"backup/{site.name}/manifest.json"
        original = json.loads(site.store.read(key))
        for change in ({"size": 5}, {"name": "20200101T000000Z-00000000"}, {"server_version": "9"}, {"tables": []}, {"started": 0}):
            site.store.write(key, json.dumps({**original, "manifest": original["manifest"] | change}).encode())
            assert "its manifest has been altered" in site.bad("backup", "verify", site.name)
        original["manifest"]["tables"][0]["rows"] += 1
        site.store.write(key, json.dumps(original).encode())
        self.everywhere(site, "its manifest has been altered", states=("refused",))

    def test_one_that_somebody_without_the_key_has_made(self, site):
        key = f"backup/{site.name}/manifest.json"
        manifest = json.loads(site.store.read(key))["manifest"] | {"key_id": None}
        site.store.write(key, backups.sealed_file("manifest", manifest, None))
        self.everywhere(site, "not authenticated", states=("refused",))
        site.store.write(key, b'{"manifest": [')
        self.everywhere(site, "its manifest is damaged", states=("refused",))

    def test_that_of_another_backup(self, site):
        second = site.now()
        site.store.write(f"backup/{second}/manifest.json", site.store.read(f"backup/{site.name}/manifest.json"))
        assert f"its manifest is that of {site.name}" in site.bad("backup", "verify", second)

    def test_an_altered_verdict_counts_for_nothing(self, site):
        key = f"backup/{site.name}/verdict.json"
        file = json.loads(site.store.read(key))
        file["verdict"]["drilled"] = 5
        site.store.write(key, json.dumps(file).encode())
        assert site.state(site.name)["state"] == "not verified"

    def test_a_wrong_key(self, site):
        for key in (new_key(), ""):
            site.configure(key=key)
            self.everywhere(site, f"made with key {backups.key_id(site.key)}", states=("refused",))

    def test_keys_can_change(self, site):
        site.configure(key=new_key(), old_keys=f"{site.key}, {new_key()}")
        new = site.now()
        assert site.store.read(f"backup/{site.name}/dump")[16:24] != site.store.read(f"backup/{new}/dump")[16:24]
        site.good("backup", "verify", site.name)
        site.good("backup", "drill", site.name)
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

    def test_the_last_verified_one_stays(self, make_site, folder):
        site = make_site(folder, keep_daily="1", keep_weekly="0", keep_monthly="0")
        real = site.now()
        verified = forge(folder, real, ago(days=20))
        later = [forge(folder, real, ago(days=days), verified=False) for days in (3, 2)]
        folder.delete(f"backup/{real}/verdict.json")
        site.good("backup", "prune")
        assert {entry["name"] for entry in site.list()} == {verified, real}
        assert later[0] not in str(folder.keys())

    def test_what_is_unfinished_goes_after_a_day_and_what_is_refused_stays(self, make_site, folder):
        site = make_site(folder, new_key(), keep_daily="1", keep_weekly="0", keep_monthly="0")
        real = site.now()
        young = f"backup/{ago(minutes=5):%Y%m%dT%H%M%SZ}-00000001/dump"
        folder.write(young, b"x")
        refused = forge(folder, real, ago(days=9), key=new_key())
        old = f"backup/{ago(days=5):%Y%m%dT%H%M%SZ}-00000002/dump"
        folder.write(old, b"x")
        os.utime(folder.path(old), (time.time() - 5 * 86400,) * 2)
        site.good("backup", "prune")
        left = {key.split("/")[1] for key in folder.keys()}
        assert left == {real, refused, young.split("/")[1]}


class TestKnowing:
    def test_list_and_show_are_readable(self, make_site, folder):
        site = make_site(folder, new_key())
        assert "There are none" in site.good("backup", "list").stdout
        name = site.now()
        lines = site.good("backup", "list").stdout.splitlines()
        assert lines[0].split()[:4] == ["NAME", "AGE", "SIZE", "STATE"]
        assert name in lines[1] and "verified" in lines[1] and "never" in lines[1]
        shown = site.good("backup", "show").stdout
        assert "public.big" in shown and backups.key_id(site.key) in shown and "schema" in shown

    def test_wrong_words_are_explained(self, make_site, folder):
        site = make_site(folder)
        for words in (["backup"], ["backup", "bake"], ["backup", "fetch", "latest"], ["backup", "list", "--jason"],
                      ["backup", "now", "--dry-run"], ["restore", "latest"], ["restore", "latest", "--to"]):  # fmt: skip
            result = site.run(*words)
            assert result.returncode == 2 and "usage: talelio" in result.stderr, words
        assert "no name of a backup" in site.bad("backup", "verify", "../../etc")
        assert "there is no backup 2" in site.bad("backup", "verify", "20200101T000000Z-00000000")

    def test_progress_is_told(self, make_site, folder):
        site = make_site(folder)
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

    def test_an_old_backup_raises_an_alarm_once_a_day(self, make_site, folder, tmp_path):
        site = make_site(folder, watch_schedule="0 0 1 1 *")
        inbox = self.alarms(site, tmp_path)
        real = site.now()
        site.good("jobs", "run", "backup", "watch")
        assert not inbox.exists() and not self.mails(site)
        name = forge(folder, real, ago(hours=27))
        backups_keys = [key for key in folder.keys() if real in key]
        for key in backups_keys:
            folder.delete(key)
        for _ in range(2):
            site.good("jobs", "run", "backup", "watch")
        said = inbox.read_text()
        assert said.startswith(f"{inbox}|two words; $(no shell)|It is {name}") and said.count("It is") == 1
        assert self.mails(site) == ["The newest verified backup is too old"]

    def test_none_at_all_raises_an_alarm_too(self, make_site, folder, tmp_path):
        site = make_site(folder, watch_schedule="0 0 1 1 *")
        inbox = self.alarms(site, tmp_path)
        site.good("jobs", "run", "backup", "watch")
        assert "There is none at all" in inbox.read_text()

    def test_a_failed_backup_and_a_failed_drill_raise_an_alarm(self, make_site, folder, tmp_path):
        site = make_site(folder, new_key(), schedule="0 3 * * *", drill_schedule="0 5 * * 0")
        inbox = self.alarms(site, tmp_path)
        site.good("jobs", "run", "backup", "backup")
        site.good("jobs", "run", "backup", "drill")
        name = site.list()[0]["name"]
        data = folder.read(f"backup/{name}/dump")
        folder.write(f"backup/{name}/dump", flip(data, 5000))
        assert site.run("jobs", "run", "backup", "drill").returncode != 0
        assert "altered" in inbox.read_text()
        site.configure(database_url="postgresql:///nowhere?host=/nonexistent")
        assert site.run("jobs", "run", "backup", "backup").returncode != 0
        assert "the database cannot be reached" in inbox.read_text()
        assert self.mails(site) == ["The restore drill has failed", "The backup has failed"]

    def test_readiness_is_degraded_and_still_200(self, make_site, folder):
        site = make_site(folder, watch_schedule="0 0 1 1 *")
        site.server.start()
        answer = site.server.client().get("/v1/health/ready")
        assert answer.status == 200
        assert answer.json["status"] == "degraded" and answer.json["backup"]["status"] == "degraded"
        site.server.stop()
        site.now()
        site.server.start()
        answer = site.server.client().get("/v1/health/ready")
        assert answer.json["status"] == "up" and answer.json["backup"]["status"] == "up"

    def test_the_schedule_makes_verifies_and_prunes(self, make_site, folder):
        site = make_site(folder, new_key(), keep_daily="1", keep_weekly="0", keep_monthly="0")
        old = forge(folder, site.now(), ago(days=3), key=site.key)
        site.start_due()
        eventually(lambda: "old backups are deleted" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert "is verified" in site.server.log_text()
        assert old not in str(folder.keys())
        assert {entry["state"] for entry in site.list()} == {"verified"}

    def test_one_that_rests_most_of_the_time_is_as_good(self, make_site, folder):
        site = make_site(folder, new_key(), noise=300, load="20")
        site.start_due()
        eventually(lambda: "is verified" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert [entry["state"] for entry in site.list()] == ["verified"]


class TestConfiguration:
    @pytest.fixture(scope="class")
    def shared(self, make_site, shared_folder):
        return make_site(shared_folder)

    @pytest.fixture
    def site(self, shared):
        yield from as_it_was(shared)

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
    def test_mistakes_are_told(self, site, values, reason):
        site.configure(**values)
        said = site.bad("check")
        assert reason in said
        for secret in ("hunter2!", "secret@"):
            assert secret not in said

    def test_a_pg_dump_that_is_too_old_is_told_at_the_start(self, site, tmp_path):
        site.configure(schedule="0 3 * * *", programs=tmp_path)
        for name in ("pg_dump", "pg_restore"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6.24'\n")
            (tmp_path / name).chmod(0o755)
        assert re.search(r"pg_dump is of version 9, but the server is of version \d+", site.bad("check"))
        assert re.search(r"pg_dump is of version 9, but the server is of version \d+", site.bad("backup", "now"))
