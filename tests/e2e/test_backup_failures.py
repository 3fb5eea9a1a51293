"""Whatever breaks while a backup is made: nothing is left that looks like one, the cause is named, and the next one works."""

import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

import pytest

from backups import DirStore, S3Store, contents, new_database, new_key
from server import TALELIO, eventually, jobs_process, psql
from storage import Wire
from test_backup import LONG, Site, make_site, store  # noqa: F401 (fixtures)

# Enough that dumping takes seconds, with the most expensive compression there is.
ROWS = 6000


@pytest.fixture
def slow_site(make_site, store):
    return make_site(store, new_key(), rows=ROWS, compression="9")


def begin(site, *words, **rest):
    return subprocess.Popen(
        [TALELIO, *words, "--config", site.server.ini], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **rest
    )


def works(pid):
    """Not one that is asked for its version, or has ended."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return len(words) > 1 and b"--version" not in words


def child_of(pid, name):
    """The pid of the child that does this program's work, once there is one."""

    def find():
        found = subprocess.run(["pgrep", "-P", str(pid), "-x", name], capture_output=True, text=True).stdout
        return next((int(child) for child in found.split() if works(child)), None)

    return eventually(find, every=0.01)


@contextlib.contextmanager
def half_way(site, pid):
    """The pid of the process' pg_dump, which is stopped with a part of the dump in the store. It goes on at the end."""
    dump = child_of(pid, "pg_dump")

    def a_part_is_there():
        # It runs a little at a time, so as not to end before.
        os.kill(dump, signal.SIGCONT)
        time.sleep(0.1)
        os.kill(dump, signal.SIGSTOP)
        return site.store.arrived() > 0

    os.kill(dump, signal.SIGSTOP)
    eventually(a_part_is_there, seconds=LONG, every=0)
    try:
        yield dump
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(dump, signal.SIGCONT)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def nothing_is_left(site):
    assert site.store.keys() == []
    assert site.list() == []
    assert "There are none" in site.good("backup", "list").stdout


def the_next_one_works(site):
    name = site.now()
    target = new_database(site.database)
    site.good("restore", name, "--to", target)
    assert contents(target) == contents(site.database)


class TestBroken:
    def test_pg_dump_is_killed(self, slow_site):
        process = begin(slow_site, "backup", "now")
        with half_way(slow_site, process.pid) as pid:
            os.kill(pid, signal.SIGKILL)
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1 and "pg_dump was ended by signal 9" in said
        nothing_is_left(slow_site)
        assert not slow_site.store.unfinished()
        the_next_one_works(slow_site)

    def test_the_process_is_killed(self, slow_site):
        process = begin(slow_site, "backup", "now")
        with half_way(slow_site, process.pid) as pid:
            process.kill()
        process.communicate()
        eventually(lambda: not is_alive(pid), seconds=20)
        nothing_is_left(slow_site)
        the_next_one_works(slow_site)
        assert not slow_site.store.unfinished()

    def test_the_process_is_interrupted(self, slow_site):
        process = begin(slow_site, "backup", "now")
        with half_way(slow_site, process.pid) as pid:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONG)
        assert process.returncode != 0
        eventually(lambda: not is_alive(pid), seconds=20)
        nothing_is_left(slow_site)

    def test_the_database_is_restarted(self, make_site, own_services, store):
        site = make_site(store, new_key(), rows=ROWS, compression="9", postgres=own_services.postgres)
        process = begin(site, "backup", "now")
        with half_way(site, process.pid):
            own_services.run("kill-postgres")
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert re.search("pg_dump failed|server closed the connection|terminating connection", said), said
        nothing_is_left(site)
        assert re.fullmatch("talelio backup: the database cannot be reached: .*\n", site.bad("backup", "now"))
        own_services.run("start-postgres")
        the_next_one_works(site)

    def test_the_server_is_stopped(self, make_site, store):
        # given a server whose scheduled backup is under way
        site = make_site(store, new_key(), rows=ROWS, compression="9")
        site.server.changes["server"] = {"stop_timeout": "3s"}
        site.start_due()
        # when it is stopped before the dump ends, which does not end in the time that a stop leaves it either
        with half_way(site, jobs_process(site.server)) as pid:
            site.server.stop()
        # then nothing of it is left
        assert not is_alive(pid)
        nothing_is_left(site)
        assert not site.store.unfinished()
        # and the next start makes it
        site.server.start()
        eventually(lambda: "is verified" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert [entry["state"] for entry in site.list()] == ["verified"]

    def test_the_server_is_stopped_while_the_backup_rests(self, make_site, store):
        # given one that works a hundredth of the time
        site = make_site(store, new_key(), rows=ROWS, compression="9", load="1")
        site.start_due()
        pid = child_of(jobs_process(site.server), "pg_dump")
        # when the server is stopped, then it does not wait for it
        site.server.stop()
        assert not is_alive(pid)
        nothing_is_left(site)
        assert not site.store.unfinished()

    def test_the_jobs_process_is_killed(self, make_site, store):
        # given a server whose scheduled backup is under way
        site = make_site(store, new_key(), rows=ROWS, compression="9")
        site.start_due()
        jobs = jobs_process(site.server)
        # when its process is killed, then pg_dump ends too and no backup is there
        with half_way(site, jobs) as pid:
            os.kill(jobs, signal.SIGKILL)
        eventually(lambda: not is_alive(pid))
        nothing_is_left(site)
        # and the process in its place makes it, once the lease is over: as if a minute and a half had passed
        eventually(lambda: "serves in the place" in site.server.log_text())
        psql(site.database, "UPDATE job_runs SET heartbeat_at = now() - interval '91 seconds'")
        eventually(lambda: "is verified" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert [entry["state"] for entry in site.list()] == ["verified"]
        assert not site.store.unfinished()

    def test_the_connection_of_the_snapshot_is_lost(self, slow_site):
        process = begin(slow_site, "backup", "now")
        with half_way(slow_site, process.pid):
            ended = psql(slow_site.database, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                         "WHERE datname = current_database() AND application_name = 'talelio backup'")  # fmt: skip
        assert ended == "1"
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1 and "terminating connection" in said
        nothing_is_left(slow_site)

    def test_a_table_that_may_not_be_read_whole_is_told(self, make_site, tmp_path):
        site = make_site(DirStore(tmp_path / "objects"))
        psql(site.database, "CREATE TABLE \"private\" (n int); ALTER TABLE \"private\" ENABLE ROW LEVEL SECURITY")
        owner = psql(site.database, "SELECT 'g' || md5(random()::text)")
        psql(site.database, f"CREATE ROLE {owner} LOGIN; GRANT pg_read_all_data TO {owner}")
        site.configure(database_url=re.sub("user=[a-z]+", f"user={owner}", site.database))
        said = site.bad("backup", "now")
        assert "row-level security" in said or "row security" in said
        nothing_is_left(site)
        psql(site.database, f"DROP OWNED BY {owner}; DROP ROLE {owner}")


class TestStorage:
    def test_the_disk_is_full(self, make_site, tmp_path):
        site = make_site(DirStore(tmp_path / "objects"), new_key(), rows=3000)

        def limit():
            # What a full disk is to a single file; whoever ignores the signal gets an error from write.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

        process = begin(site, "backup", "now", preexec_fn=limit)
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert "storing the dump" in said and "File too large" in said
        nothing_is_left(site)
        assert not site.store.unfinished()
        the_next_one_works(site)

    def test_the_folder_is_none(self, make_site, tmp_path):
        site = make_site(DirStore(tmp_path / "objects"))
        (tmp_path / "objects").write_text("a file")
        said = site.bad("backup", "now")
        assert "storing the dump" in said and "Not a directory" in said
        (tmp_path / "objects").unlink()
        the_next_one_works(site)

    def test_rights_are_missing(self, make_site):
        site = make_site(S3Store(), new_key(), rows=1000)
        section = site.server.changes["store:backup"]
        right = dict(section)
        for wrong in (
            {"secret_key": "wrong"},
            {
                "access_key": os.environ["TALELIO_TEST_S3_GUEST_ACCESS_KEY"],
                "secret_key": os.environ["TALELIO_TEST_S3_GUEST_SECRET_KEY"],
            },
        ):
            section.update(wrong)
            site.server.write_config()
            assert "rights are missing, or the secret is wrong" in site.bad("backup", "now")
            section.update(right)
            site.server.write_config()
            nothing_is_left(site)
        the_next_one_works(site)

    def test_the_storage_goes_away(self, make_site, own_services):
        # A server that nobody else uses is slow to start: here it is enough that nothing listens.
        site = make_site(S3Store(), new_key(), rows=1000)
        section = site.server.changes["store:backup"]
        right = section["endpoint"]
        section["endpoint"] = "http://127.0.0.1:9"
        site.server.write_config()
        assert "the storage cannot be used now" in site.bad("backup", "now")
        section["endpoint"] = right
        site.server.write_config()
        nothing_is_left(site)


class TestTheWayToTheStorage:
    """A real S3, at the other end of a wire that breaks."""

    @pytest.fixture
    def wire(self):
        made = Wire(os.environ["TALELIO_TEST_S3"])
        yield made
        made.flow()
        made.end()

    @pytest.fixture
    def wired(self, make_site, wire):
        site = make_site(S3Store(), new_key(), rows=ROWS, compression="9")
        site.server.changes["store:backup"] |= {"endpoint": wire.endpoint, "stall_timeout": "1s", "connect_timeout": "1s"}
        site.server.write_config()
        return site

    def the_backup_fails(self, process, step):
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert f"{step}: the storage cannot be used now" in said, said

    def all_is_well(self, site):
        """Nothing counts as a backup, and the next one leaves no upload, not even what this one could not abort."""
        nothing_is_left(site)
        the_next_one_works(site)
        assert site.store.unfinished() == []

    def test_it_breaks_in_a_part(self, wired, wire):
        process = begin(wired, "backup", "now")
        with half_way(wired, process.pid):
            wire.cut(up=100_000)
        self.the_backup_fails(process, "storing the dump")
        wire.cut()
        self.all_is_well(wired)

    def test_it_stalls(self, wired, wire):
        process = begin(wired, "backup", "now")
        with half_way(wired, process.pid):
            wire.hold()
        self.the_backup_fails(process, "storing the dump")
        wire.flow()
        self.all_is_well(wired)

    def test_it_breaks_on_completion(self, wired, wire):
        wire.cut_at(rb"POST \S+/dump\?uploadId=")
        self.the_backup_fails(begin(wired, "backup", "now"), "storing the dump")
        assert wired.store.unfinished() == []
        wire.cut()
        self.all_is_well(wired)

    def test_it_breaks_before_the_manifest(self, wired, wire):
        wire.cut_at(rb"PUT \S+/manifest.json")
        self.the_backup_fails(begin(wired, "backup", "now"), "storing the manifest")
        wire.cut()
        self.all_is_well(wired)


class TestRestoring:
    def test_a_restore_that_is_killed_leaves_the_database_empty(self, slow_site):
        name = slow_site.now()
        target = new_database(slow_site.database)
        process = begin(slow_site, "restore", name, "--to", target)
        pid = child_of(process.pid, "pg_restore")
        time.sleep(0.2)
        process.kill()
        process.communicate()
        eventually(lambda: not is_alive(pid), seconds=20)
        eventually(lambda: psql(target, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == "1")
        assert psql(target, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0"
        slow_site.good("restore", name, "--to", target)
        assert contents(target) == contents(slow_site.database)

    def test_a_drill_that_is_killed_is_cleared_away_by_the_next(self, slow_site):
        name = slow_site.now()
        scratch = ("SELECT count(*) FROM pg_database WHERE datname LIKE 'talelio_drill_' || "
                   "(SELECT oid FROM pg_database WHERE datname = current_database()) || '%'")  # fmt: skip
        process = begin(slow_site, "backup", "drill", name)
        child_of(process.pid, "pg_restore")
        process.kill()
        process.communicate()
        assert psql(slow_site.database, scratch) == "1"
        slow_site.good("backup", "drill", name)
        assert psql(slow_site.database, scratch) == "0"

    def test_a_role_that_may_not_make_databases_is_told_so_and_the_backup_is_not_blamed(self, make_site, tmp_path):
        site = make_site(DirStore(tmp_path / "objects"))
        name = site.now()
        role = psql(site.database, "SELECT 'g' || md5(random()::text)")
        psql(site.database, f"CREATE ROLE {role} LOGIN")
        site.configure(drill_url=re.sub("user=[a-z]+", f"user={role}", site.database))
        assert "permission denied to create database" in site.bad("backup", "drill", name)
        assert site.state(name)["state"] == "verified"
        psql(site.database, f"DROP ROLE {role}")


class TestTogether:
    def test_two_at_once_are_one(self, slow_site):
        process = begin(slow_site, "backup", "now")
        with half_way(slow_site, process.pid):
            assert "another backup is running" in slow_site.bad("backup", "now")
        process.communicate(timeout=LONG)
        assert process.returncode == 0
        assert [entry["state"] for entry in slow_site.list()] == ["verified"]

    def test_no_password_is_seen_from_outside(self, slow_site):
        slow_site.configure(database_url=slow_site.database + "&password=hunter2&sslmode=prefer")
        process = begin(slow_site, "backup", "now")
        with half_way(slow_site, process.pid) as pid:
            for file in ("cmdline", "environ"):
                for seen in (pid, process.pid):
                    assert b"hunter2" not in pathlib.Path(f"/proc/{seen}/{file}").read_bytes()
            assert slow_site.key.encode() not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 0 and "hunter2" not in said

    def test_the_site_serves_while_it_is_backed_up(self, slow_site):
        slow_site.server.start()
        visitor = slow_site.server.client()
        process = begin(slow_site, "backup", "now")
        served = 0
        while process.poll() is None:
            assert visitor.get("/v1/health/ready").status == 200
            served += 1
        process.communicate()
        assert process.returncode == 0 and served > 10
