"""Whatever breaks while a backup is made: nothing is left that looks like one, the cause is named, and the next one works."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import time

import pytest

from backups import MIB, S3Store, contents, new_database, new_key
from server import eventually, jobs_process, psql
from storage import GUEST, Wire
from test_backup import LONG, folder, make_site, origin, store  # noqa: F401 (fixtures)

pytestmark = pytest.mark.slow

# So many that pg_dump is not at its end when a part is in the store.
MANY = {"mib": 64, "compression": "0"}
# Enough that pg_restore is not at its own when it has begun.
SOME = {"mib": 16, "compression": "0"}


@pytest.fixture
def large_site(make_site, store):
    return make_site(store, new_key(), **MANY)


@pytest.fixture
def large_folder(make_site, folder):
    """For what is the same on every store."""
    return make_site(folder, new_key(), **MANY)


def shrink(site):
    """Leaves enough for more than one part: what comes now is to end soon."""
    psql(site.database, f"DELETE FROM big WHERE id > {site.store.part // MIB + 1}")


def works(pid, name):
    """A program of this name that is not asked for its version, and has not ended."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return len(words) > 1 and words[0].rpartition(b"/")[2] == name.encode() and b"--version" not in words


def child_of(pid, name):
    """The pid of the child that does this program's work, once there is one."""

    def find():
        found = [pid for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for pid in file.read_text().split()]
        return next((int(child) for child in found if works(child, name)), None)

    return eventually(find, every=0.005)


@contextlib.contextmanager
def stopped(pid, when):
    """The process, which is stopped as soon as `when` is true. It goes on at the end."""

    def is_so():
        # It runs a little at a time, so as not to end before.
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)
        os.kill(pid, signal.SIGSTOP)
        return when()

    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(is_so, seconds=LONG, every=0)
        assert is_alive(pid)
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def half_way(site, pid):
    """The pid of the process' pg_dump, with a part of the dump in the store."""
    return stopped(child_of(pid, "pg_dump"), lambda: site.store.arrived() > 0)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def nothing_is_left(site):
    assert site.store.keys() == []
    assert site.list() == []


def the_next_one_works(site):
    shrink(site)
    name = site.now()
    target = new_database(site.database)
    site.good("restore", name, "--to", target)
    assert contents(target) == contents(site.database)


class TestBroken:
    def test_pg_dump_is_killed(self, large_site):
        process = large_site.begin("backup", "now")
        with half_way(large_site, process.pid) as pid:
            os.kill(pid, signal.SIGKILL)
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1 and "pg_dump was ended by signal 9" in said
        nothing_is_left(large_site)
        assert not large_site.store.unfinished()
        the_next_one_works(large_site)

    def test_the_process_is_killed(self, large_site):
        process = large_site.begin("backup", "now")
        with half_way(large_site, process.pid) as pid:
            process.kill()
        process.communicate()
        eventually(lambda: not is_alive(pid))
        nothing_is_left(large_site)
        the_next_one_works(large_site)
        assert not large_site.store.unfinished()

    def test_the_process_is_interrupted(self, large_folder):
        process = large_folder.begin("backup", "now")
        with half_way(large_folder, process.pid) as pid:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONG)
        assert process.returncode != 0
        eventually(lambda: not is_alive(pid))
        nothing_is_left(large_folder)

    def test_the_database_is_restarted(self, make_site, own_services, folder):
        site = make_site(folder, new_key(), postgres=own_services.postgres, **MANY)
        process = site.begin("backup", "now")
        with half_way(site, process.pid):
            own_services.run("kill-postgres")
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert re.search("pg_dump failed|server closed the connection|terminating connection", said), said
        nothing_is_left(site)
        assert re.fullmatch("talelio backup: the database cannot be reached: .*\n", site.bad("backup", "now"))
        own_services.run("start-postgres")
        the_next_one_works(site)

    def test_the_connection_of_the_snapshot_is_lost(self, large_folder):
        process = large_folder.begin("backup", "now")
        with half_way(large_folder, process.pid):
            ended = psql(large_folder.database, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                         "WHERE datname = current_database() AND application_name = 'talelio backup'")  # fmt: skip
        assert ended == "1"
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1 and "terminating connection" in said
        nothing_is_left(large_folder)

    def test_a_table_that_may_not_be_read_whole_is_told(self, make_site, folder):
        site = make_site(folder)
        psql(site.database, "CREATE TABLE \"private\" (n int); ALTER TABLE \"private\" ENABLE ROW LEVEL SECURITY")
        owner = psql(site.database, "SELECT 'g' || md5(random()::text)")
        psql(site.database, f"CREATE ROLE {owner} LOGIN; GRANT pg_read_all_data TO {owner}")
        site.configure(database_url=re.sub("user=[a-z]+", f"user={owner}", site.database))
        said = site.bad("backup", "now")
        assert "row-level security" in said or "row security" in said
        nothing_is_left(site)
        psql(site.database, f"DROP OWNED BY {owner}; DROP ROLE {owner}")


class TestTheScheduledOneIsBroken:
    def test_the_server_is_stopped(self, large_site):
        # given a server whose scheduled backup is under way
        large_site.server.changes["server"] = {"stop_timeout": "3s"}
        large_site.start_due()
        # when it is stopped before the dump ends, which does not end in the time that a stop leaves it either
        with half_way(large_site, jobs_process(large_site.server)) as pid:
            large_site.server.stop()
        # then nothing of it is left
        assert not is_alive(pid)
        nothing_is_left(large_site)
        assert not large_site.store.unfinished()
        # and the next start makes it
        shrink(large_site)
        large_site.server.start()
        eventually(lambda: "is verified" in large_site.server.log_text(), seconds=LONG)
        large_site.server.stop()
        assert [entry["state"] for entry in large_site.list()] == ["verified"]

    def test_the_server_is_stopped_while_the_backup_rests(self, make_site, folder):
        # given one that works a hundredth of the time, and has begun to rest
        site = make_site(folder, new_key(), load="1", **MANY)
        site.start_due()
        pid = child_of(jobs_process(site.server), "pg_dump")
        eventually(lambda: folder.arrived() > 0)
        # when the server is stopped, then it does not wait for it
        site.server.stop()
        assert not is_alive(pid)
        nothing_is_left(site)
        assert not folder.unfinished()

    def test_the_jobs_process_is_killed(self, make_site):
        # given a server whose scheduled backup is under way
        site = make_site(S3Store(), new_key(), **MANY)
        site.start_due()
        jobs = jobs_process(site.server)
        # when its process is killed, then pg_dump ends too and no backup is there
        with half_way(site, jobs) as pid:
            os.kill(jobs, signal.SIGKILL)
        eventually(lambda: not is_alive(pid))
        nothing_is_left(site)
        # and the process in its place makes it, once the lease is over: as if a minute and a half had passed
        shrink(site)
        eventually(lambda: "serves in the place" in site.server.log_text())
        psql(site.database, "UPDATE job_runs SET heartbeat_at = now() - interval '91 seconds'")
        eventually(lambda: "is verified" in site.server.log_text(), seconds=LONG)
        site.server.stop()
        assert [entry["state"] for entry in site.list()] == ["verified"]
        assert not site.store.unfinished()


class TestStorage:
    def test_the_disk_is_full(self, make_site, folder):
        site = make_site(folder, new_key(), mib=4, compression="0")

        def limit():
            # What a full disk is to a single file; whoever ignores the signal gets an error from write.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

        process = site.begin("backup", "now", preexec_fn=limit)
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert "storing the dump" in said and "File too large" in said
        nothing_is_left(site)
        assert not site.store.unfinished()
        the_next_one_works(site)

    def test_the_folder_is_none(self, make_site, folder):
        site = make_site(folder)
        folder.folder.write_text("a file")
        said = site.bad("backup", "now")
        assert "storing the dump" in said and "Not a directory" in said
        folder.folder.unlink()
        the_next_one_works(site)

    def test_rights_are_missing(self, make_site):
        site = make_site(S3Store(), new_key(), mib=4, compression="0")
        section = site.server.changes["store:backup"]
        right = dict(section)
        for wrong in (
            {"secret_key": "wrong"},
            {"access_key": GUEST[0], "secret_key": GUEST[1]},
        ):
            section.update(wrong)
            site.server.write_config()
            assert "rights are missing, or the secret is wrong" in site.bad("backup", "now")
            section.update(right)
            site.server.write_config()
            nothing_is_left(site)
        the_next_one_works(site)

    def test_the_storage_goes_away(self, make_site):
        # A server that nobody else uses is slow to start: here it is enough that nothing listens.
        site = make_site(S3Store(), new_key(), mib=4, compression="0")
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
        site = make_site(S3Store(), new_key(), **MANY)
        site.server.changes["store:backup"]["endpoint"] = wire.endpoint
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
        process = wired.begin("backup", "now")
        with half_way(wired, process.pid):
            wire.cut(up=100_000)
        self.the_backup_fails(process, "storing the dump")
        wire.cut()
        self.all_is_well(wired)

    def test_it_stalls(self, wired, wire):
        section = wired.server.changes["store:backup"]
        patient = dict(section)
        section["stall_timeout"] = "500ms"
        wired.server.write_config()
        process = wired.begin("backup", "now")
        with half_way(wired, process.pid):
            wire.hold()
        self.the_backup_fails(process, "storing the dump")
        wire.flow()
        # the next one is not to fail because the machine is slow
        wired.server.changes["store:backup"] = patient
        wired.server.write_config()
        self.all_is_well(wired)

    def test_it_breaks_on_completion(self, wired, wire):
        shrink(wired)
        wire.cut_at(rb"POST \S+/dump\?uploadId=")
        self.the_backup_fails(wired.begin("backup", "now"), "storing the dump")
        assert wired.store.unfinished() == []
        wire.cut()
        self.all_is_well(wired)

    def test_it_breaks_before_the_manifest(self, wired, wire):
        shrink(wired)
        wire.cut_at(rb"PUT \S+/manifest.json")
        self.the_backup_fails(wired.begin("backup", "now"), "storing the manifest")
        wire.cut()
        self.all_is_well(wired)


class TestRestoring:
    def test_a_restore_that_is_killed_leaves_the_database_empty(self, make_site, folder):
        site = make_site(folder, new_key(), **SOME)
        name = site.now()
        target = new_database(site.database)
        process = site.begin("restore", name, "--to", target)

        def has_begun():
            return psql(target, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND application_name = 'pg_restore' AND backend_xid IS NOT NULL") == "1"  # fmt: skip

        with stopped(child_of(process.pid, "pg_restore"), has_begun) as pid:
            process.kill()
        process.communicate()
        eventually(lambda: not is_alive(pid))
        eventually(lambda: psql(target, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == "1")
        assert psql(target, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0"
        site.good("restore", name, "--to", target)
        assert contents(target) == contents(site.database)

    def test_a_drill_that_is_killed_is_cleared_away_by_the_next(self, make_site, folder):
        site = make_site(folder, new_key(), **SOME)
        name = site.now()
        scratch = ("SELECT count(*) FROM pg_database WHERE datname LIKE 'talelio_drill_' || "
                   "(SELECT oid FROM pg_database WHERE datname = current_database()) || '%'")  # fmt: skip
        process = site.begin("backup", "drill", name)
        child_of(process.pid, "pg_restore")
        process.kill()
        process.communicate()
        assert psql(site.database, scratch) == "1"
        site.good("backup", "drill", name)
        assert psql(site.database, scratch) == "0"

    def test_a_role_that_may_not_make_databases_is_told_so_and_the_backup_is_not_blamed(self, make_site, folder):
        site = make_site(folder)
        name = site.now()
        role = psql(site.database, "SELECT 'g' || md5(random()::text)")
        psql(site.database, f"CREATE ROLE {role} LOGIN")
        site.configure(drill_url=re.sub("user=[a-z]+", f"user={role}", site.database))
        assert "permission denied to create database" in site.bad("backup", "drill", name)
        assert site.state(name)["state"] == "verified"
        psql(site.database, f"DROP ROLE {role}")


class TestTogether:
    @pytest.fixture
    def site(self, make_site, folder):
        return make_site(folder, new_key(), **SOME)

    def test_two_at_once_are_one(self, site):
        process = site.begin("backup", "now")
        with half_way(site, process.pid):
            assert "another backup is running" in site.bad("backup", "now")
        process.communicate(timeout=LONG)
        assert process.returncode == 0
        assert [entry["state"] for entry in site.list()] == ["verified"]

    def test_no_password_is_seen_from_outside(self, site):
        site.configure(database_url=site.database + "&password=hunter2&sslmode=prefer")
        process = site.begin("backup", "now")
        with half_way(site, process.pid) as pid:
            for file in ("cmdline", "environ"):
                for seen in (pid, process.pid):
                    assert b"hunter2" not in pathlib.Path(f"/proc/{seen}/{file}").read_bytes()
            assert site.key.encode() not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 0 and "hunter2" not in said

    def test_the_site_serves_while_it_is_backed_up(self, site):
        site.server.start()
        visitor = site.server.client()
        process = site.begin("backup", "now")
        # in the middle of the dump, and from there to the end
        with half_way(site, process.pid):
            for _ in range(11):
                assert visitor.get("/v1/health/ready").status == 200
        while process.poll() is None:
            assert visitor.get("/v1/health/ready").status == 200
        process.communicate()
        assert process.returncode == 0
