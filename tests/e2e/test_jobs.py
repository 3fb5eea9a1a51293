"""Jobs and metrics: schedules in the ini file, runs by hand and by the jobs process, and what is counted meanwhile."""

import os
import re
import signal
import subprocess
import time

import pytest

from server import BUILD, SANITIZED, TALELIO, eventually, psql

PLUGINS = BUILD / "tests/plugins"


def tasks(**options):
    return {"enabled": "yes", "path": PLUGINS / "tasks.so", **options}


def with_tasks(make_server, share=None, workers="1", **options):
    return make_server(
        {"plugin:tasks": tasks(**options), "plugin:metrics": {"enabled": "yes"}, "server": {"workers": workers}},
        share=share,
    )


def runs(server, columns="result || ' ' || attempts"):
    """The rows of job_runs, the oldest first."""
    text = psql(server.database, f"SELECT {columns} FROM job_runs WHERE plugin = 'tasks' ORDER BY due_at")
    return text.splitlines()


# Due once a year: nothing comes in the way of a test, and within two years there is a moment that was missed.
RARELY = "30 2 29 3 *"


def make_due(server):
    """A server sees a schedule, runs nothing, and stops; then it is as if that had been two years ago."""
    server.start()
    eventually(lambda: psql(server.database, "SELECT count(*) FROM job_schedules WHERE plugin = 'tasks'") == "1")
    server.stop()
    assert runs(server) == []
    psql(server.database, "UPDATE job_schedules SET since = now() - interval '2 years'")


def start_due(server):
    """Starts a server whose job is due at once."""
    make_due(server)
    return server.start()


class TestSchedules:
    def test_a_wrong_schedule_is_told_with_file_line_and_field(self, make_server):
        server = with_tasks(make_server, schedule="0 25 * * *")
        result = server.run("check")
        line = server.ini.read_text().splitlines().index("schedule = 0 25 * * *") + 1
        assert result.returncode == 1
        assert (
            f"{server.ini}:{line}: [plugin:tasks] schedule: job work: hour '25': expected numbers from 0 to 23"
            in result.stderr
        )

    def test_an_unknown_zone_is_told_with_file_and_line(self, make_server):
        server = with_tasks(make_server, schedule="@daily", zone="Europe/Atlantis")
        line = server.ini.read_text().splitlines().index("zone = Europe/Atlantis") + 1
        server.start(wait=False)
        assert server.process.wait(20) == 1
        assert (
            f"{server.ini}:{line}: [plugin:tasks] zone: job work: 'Europe/Atlantis': there is no such time zone"
            in server.log_text()
        )

    def test_without_tzdata_the_package_is_named_and_utc_works(self, make_server):
        server = with_tasks(make_server, schedule="@daily", zone="Europe/Berlin")
        result = server.run("check", env={"TZDIR": "/nonexistent"})
        assert result.returncode == 1 and "install the package tzdata, or use UTC" in result.stderr
        server = with_tasks(make_server, schedule="@daily", zone="UTC")
        assert server.run("check", env={"TZDIR": "/nonexistent"}).returncode == 0

    def test_what_was_missed_is_run_once_by_one_of_two_servers(self, make_server):
        first = with_tasks(make_server, schedule=RARELY, zone="Europe/Berlin")
        second = with_tasks(make_server, share=first, schedule=RARELY, zone="Europe/Berlin")
        make_due(first)
        first.start()
        second.start()
        eventually(lambda: runs(first) == ["ok 1"])
        time.sleep(1)
        assert runs(first) == ["ok 1"]
        assert (first.log_text() + second.log_text()).count(" works") == 1
        assert "is caught up on: it was due" in first.log_text() + second.log_text()
        second.stop()
        first.stop()


class TestInterruptions:
    def test_a_killed_jobs_process_is_named_and_its_run_started_again(self, make_server):
        server = start_due(with_tasks(make_server, schedule=RARELY, takes="60s"))
        eventually(lambda: " works" in server.log_text())
        pid = int(psql(server.database, "SELECT split_part(server, ':', 2) FROM job_runs"))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: "jobs (pid" in server.log_text() and "serves in the place" in server.log_text())
        # the lease is far from over: as if a minute and a half had passed
        assert runs(server, "attempts") == ["1"]
        psql(server.database, "UPDATE job_runs SET heartbeat_at = now() - interval '91 seconds'")
        eventually(lambda: runs(server, "attempts") == ["2"], seconds=60)
        assert "is started again" in server.log_text()
        server.stop()

    @pytest.mark.ships
    def test_a_crash_names_plugin_and_job(self, make_server):
        server = start_due(with_tasks(make_server, schedule=RARELY, outcome="crash"))
        line = eventually(lambda: re.search(r"jobs \(pid.*plugin tasks 1\.0, job work.*", server.log_text()))
        assert SANITIZED or "SIGABRT" in line.group()
        server.stop_after_crash()

    def test_a_stop_gives_the_run_up_and_the_next_start_takes_it(self, make_server):
        server = with_tasks(make_server, schedule=RARELY, takes="60s")
        start_due(server)
        eventually(lambda: " works" in server.log_text())
        server.stop()
        assert runs(server, "finished_at IS NULL AND heartbeat_at = '-infinity'") == ["t"]
        assert "was interrupted after" in server.log_text()
        server.start()
        eventually(lambda: runs(server, "attempts") == ["2"])
        server.stop()

    def test_a_reload_lets_the_run_end_and_does_not_repeat_it(self, make_server):
        server = start_due(with_tasks(make_server, schedule=RARELY, takes="3s"))
        eventually(lambda: " works" in server.log_text())
        assert server.run("reload").returncode == 0
        eventually(lambda: runs(server) == ["ok 1"])
        time.sleep(1)
        assert runs(server) == ["ok 1"]
        assert server.log_text().count(" works") == 1
        server.stop()


class TestByHand:
    def test_the_list_shows_what_comes_and_what_was(self, make_server):
        server = with_tasks(make_server, schedule="0 3 * * *", zone="Europe/Berlin")
        assert server.run("jobs", "run", "tasks", "work").returncode == 0
        result = server.run("jobs")
        assert result.returncode == 0, result.stderr
        lines = [re.split(r"  +", line) for line in result.stdout.splitlines()]
        assert lines[0] == ["PLUGIN", "JOB", "SCHEDULE", "ZONE", "NEXT RUN", "LAST RUN", "RESULT"]
        row = next(line for line in lines if line[0] == "tasks")
        assert row[:4] == ["tasks", "work", "0 3 * * *", "Europe/Berlin"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d 03:00 \+0[12]00", row[4])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d \+0[12]00", row[5])
        assert row[6] == "ok"

    def test_a_job_that_is_off_is_listed_and_can_be_run(self, make_server):
        server = with_tasks(make_server, schedule="")
        row = next(line for line in server.run("jobs").stdout.splitlines() if line.startswith("tasks"))
        assert re.split(r"  +", row) == ["tasks", "work", "off", "-", "-", "never", "-"]
        assert server.run("jobs", "run", "tasks", "work").stdout == "job work of plugin tasks: ok\n"
        assert runs(server) == ["ok 1"]

    def test_a_failure_is_told_and_is_the_exit_code(self, make_server):
        server = with_tasks(make_server, outcome="fail")
        result = server.run("jobs", "run", "tasks", "work")
        assert result.returncode == 1 and "job work of plugin tasks: the log of" in result.stderr
        assert runs(server) == ["failed 1"]

    def test_what_is_not_there_is_told(self, make_server):
        server = with_tasks(make_server)
        result = server.run("jobs", "run", "tasks", "play")
        assert result.returncode == 1 and "job play of plugin tasks: there is no such job" in result.stderr
        assert server.run("jobs", "walk").returncode == 2

    def test_a_second_run_waits_for_nobody(self, make_server):
        server = with_tasks(make_server, takes="3s")
        first = subprocess.Popen([TALELIO, "jobs", "run", "tasks", "work", "--config", server.ini], cwd=server.folder)
        eventually(lambda: runs(server, "1") == ["1"])
        # the first one is held up, so that it still runs however long the second one takes to start
        first.send_signal(signal.SIGSTOP)
        result = server.run("jobs", "run", "tasks", "work")
        first.send_signal(signal.SIGCONT)
        assert result.returncode == 1 and "it runs already, in process" in result.stderr
        assert first.wait(20) == 0
        assert runs(server) == ["ok 1"]

    def test_an_interrupt_is_written_down(self, make_server):
        server = with_tasks(make_server, takes="60s")
        command = subprocess.Popen(
            [TALELIO, "jobs", "run", "tasks", "work", "--config", server.ini],
            cwd=server.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually((server.folder / "at-work").exists)
        command.send_signal(signal.SIGINT)
        _, told = command.communicate(timeout=20)
        assert command.returncode == 1 and "it was cancelled" in told
        assert runs(server) == ["failed 1"]

    def test_a_database_that_is_away_is_told(self, make_server, own_services):
        server = make_server({"plugin:tasks": tasks()}, postgres=own_services.postgres, redis=own_services.redis)
        own_services.run("stop-postgres")
        for words in (["jobs"], ["jobs", "run", "tasks", "work"]):
            result = server.run(*words)
            assert result.returncode == 1 and "database cannot be used" in result.stderr


def samples(text):
    """The lines of the format, as a dict; fails for anything that is none."""
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert re.fullmatch(r"# HELP [a-z_]+ .+", line), line
        elif line.startswith("# TYPE "):
            name, kind = re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line).groups()
            assert name not in types, f"{name} twice"
            types[name] = kind
        else:
            key, value = re.fullmatch(r'([a-z_]+(?:\{(?:[a-z]+="[^"\\]*",?)+\})?) (\S+)', line).groups()
            name = re.sub(r"\{.*", "", key)
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in types or types.get(base) == "histogram", line
            assert key not in values, f"{key} twice"
            values[key] = float(value)
    return values


def measured(server, name):
    return samples(server.client().get("/metrics").body.decode()).get(name)


class TestMetrics:
    def test_a_plugin_that_is_off_has_no_path(self, make_server):
        server = make_server().start()
        assert server.client().get("/metrics").status == 404
        server.stop()

    def test_the_format_is_prometheus(self, make_server):
        server = with_tasks(make_server).start()
        answer = server.client().get("/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        values = samples(answer.body.decode())
        assert values["talelio_tasks_hits_total"] == 0
        assert values["talelio_generation"] == 1
        assert values['talelio_process_resident_bytes{process="worker 1"}'] > 1 << 20
        assert values['talelio_process_resident_bytes{process="jobs"}'] > 1 << 20
        assert values['talelio_process_resident_bytes{process="master"}'] > 1 << 20
        # nobody has set it
        assert "talelio_tasks_last_worker" not in values
        server.stop()

    def test_requests_are_counted_by_status_and_duration(self, make_server):
        server = with_tasks(make_server).start()
        visitor = server.client()
        for path in ["/v1/health"] * 5 + ["/nowhere"] * 3:
            visitor.get(path)
        values = samples(visitor.get("/metrics").body.decode())
        assert values['talelio_http_requests_total{status="2xx"}'] == 5
        assert values['talelio_http_requests_total{status="4xx"}'] == 3
        assert values["talelio_http_request_duration_seconds_count"] == 8
        assert values['talelio_http_request_duration_seconds_bucket{le="+Inf"}'] == 8
        bounds = [v for k, v in values.items() if k.startswith("talelio_http_request_duration_seconds_bucket")]
        assert bounds == sorted(bounds)
        eventually(lambda: measured(server, "talelio_database_ready_processes") == 2)
        server.stop()

    def test_counters_are_summed_over_workers_and_never_go_down(self, make_server):
        server = with_tasks(make_server, workers="2").start()
        workers = {server.client().get("/tasks/hit").body for _ in range(40)}
        assert len(workers) == 2
        assert measured(server, "talelio_tasks_hits_total") == 40
        # the last one to set a gauge counts
        last = float(server.client().get("/tasks/hit").body)
        assert measured(server, "talelio_tasks_last_worker") == last
        # a worker dies: what it has counted stays
        os.kill(int(next(iter(workers))), signal.SIGKILL)
        eventually(lambda: "serves in the place" in server.log_text())
        assert measured(server, "talelio_tasks_hits_total") == 41
        assert measured(server, "talelio_worker_restarts_total") == 1
        # all of them are replaced
        assert server.run("reload").returncode == 0
        eventually(lambda: measured(server, "talelio_generation") == 2)
        assert measured(server, "talelio_tasks_hits_total") == 41
        assert measured(server, "talelio_tasks_last_worker") == last
        server.client().get("/tasks/hit")
        assert measured(server, "talelio_tasks_hits_total") == 42
        server.stop()

    def test_names_go_with_their_plugin(self, make_server):
        server = with_tasks(make_server).start()
        server.client().get("/tasks/hit")
        server.changes["plugin:tasks"]["enabled"] = "no"
        server.write_config()
        assert server.run("reload").returncode == 0
        eventually(lambda: measured(server, "talelio_tasks_hits_total") is None)
        server.changes["plugin:tasks"]["enabled"] = "yes"
        server.write_config()
        assert server.run("reload").returncode == 0
        eventually(lambda: measured(server, "talelio_tasks_hits_total") == 1)
        server.stop()

    def test_jobs_are_counted(self, make_server):
        server = start_due(with_tasks(make_server, schedule=RARELY))
        name = '{plugin="tasks",job="work"}'
        eventually(lambda: measured(server, "talelio_job_runs_total" + name) == 1)
        assert measured(server, "talelio_tasks_runs_total") == 1
        assert measured(server, "talelio_job_failures_total" + name) == 0
        # known from the tables: also to a server that has not run it, and after a restart
        server.stop()
        server.start()
        success = eventually(lambda: measured(server, "talelio_job_last_success_timestamp_seconds" + name))
        assert abs(success - time.time()) < 120
        server.stop()

    def test_a_token_keeps_others_away(self, make_server):
        server = make_server({"plugin:metrics": {"enabled": "yes", "token": "let-me-read"}}).start()
        visitor = server.client()
        assert visitor.get("/metrics").status == 403
        assert visitor.get("/metrics", headers={"Authorization": "Bearer let-me-reaD"}).status == 403
        assert visitor.get("/metrics", headers={"Authorization": "Basic let-me-read"}).status == 403
        assert visitor.get("/metrics", headers={"Authorization": "Bearer let-me-read"}).status == 200
        assert "let-me-read" not in server.run("config").stdout
        server.stop()
