"""Servers that go away and come back, clients that go away, workers that die: never a hang, never a crash."""

import os
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server import PATIENCE, eventually


class Load:
    """Visitors that ask again and again from threads, and count what they get."""

    def __init__(self, ask, threads=4):
        self.ask, self.statuses, self.failures = ask, {}, []
        self.lock, self.going = threading.Lock(), True
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while self.going:
            try:
                answer = self.ask()
                with self.lock:
                    self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
                    if answer.status == 503 and "retry-after" not in answer.headers:
                        self.failures.append("503 without Retry-After")
            except Exception as problem:  # pylint: disable=broad-except
                with self.lock:
                    self.failures.append(repr(problem))
            time.sleep(0.002)

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()


def outage(server, own_services, which, ask):
    load = Load(ask)
    try:
        eventually(lambda: load.statuses.get(200, 0) > 20)
        for stop in ("stop", "kill"):
            own_services.run(f"{stop}-{which}")
            before = load.statuses.get(503, 0)
            eventually(lambda: load.statuses.get(503, 0) > before + 20)
            own_services.run(f"start-{which}")
            served = load.statuses.get(200, 0)
            eventually(lambda: load.statuses.get(200, 0) > served + 20)
    finally:
        load.stop()
    assert set(load.statuses) == {200, 503}, load.statuses
    assert load.failures == []


def test_postgresql_goes_and_comes_back_under_load(make_server, own_services):
    server = make_server(postgres=own_services.postgres, redis=own_services.redis).start()
    author = server.author()
    slug = author.publish("Persistent").json["article"]["slug"]
    outage(server, own_services, "postgres", lambda: server.client().get("/v1/articles/" + slug))
    server.stop()


def test_redis_goes_and_comes_back_under_load(make_server, own_services):
    server = make_server(postgres=own_services.postgres, redis=own_services.redis).start()
    author = server.author()

    def log_in():
        # a renewal of an unknown session asks Redis and changes nothing
        visitor = server.client()
        visitor.refresh_token = "".join("A" if c.isalnum() else c for c in author.refresh_token)
        answer = visitor.post("/v1/accounts/token")
        answer.status = 200 if answer.status == 401 else answer.status
        return answer

    outage(server, own_services, "redis", log_in)
    server.stop()


def test_a_server_started_before_its_database_serves_as_soon_as_it_comes(make_server, own_services):
    server = make_server(postgres=own_services.postgres, redis=own_services.redis)
    own_services.run("stop-postgres")
    server.start()
    visitor = server.client()
    assert visitor.get("/v1/health").status == 200
    answer = visitor.get("/v1/users/nobody")
    assert answer.status == 503 and "retry-after" in answer.headers
    own_services.run("start-postgres")
    eventually(lambda: visitor.get("/v1/users/nobody").status == 404)
    assert visitor.register().status == 201
    server.stop()


def test_a_database_that_hangs_gets_nobody_stuck(make_server, own_services):
    # given a PostgreSQL that is stopped in its tracks
    server = make_server({"postgres": {"query_timeout": "1s"}}, postgres=own_services.postgres, redis=own_services.redis).start()
    visitor = server.client()
    assert visitor.get("/v1/users/nobody").status == 404
    backends = [int(pid) for pid in server.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                                               "AND pid <> pg_backend_pid()").split()]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        # then the answer is an error within the time limits, not silence
        assert visitor.get("/v1/users/nobody").status in (404, 503)
    finally:
        for pid in backends:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
    eventually(lambda: visitor.get("/v1/users/nobody").status == 404)
    server.stop()


class Lock:
    """A session of its own that holds a row, so that who changes it waits."""

    def __init__(self, server, row):
        self.row = row
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-d", server.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, sql):
        self.psql.stdin.write(sql + "\n\\echo done\n")
        self.psql.stdin.flush()
        while self.psql.stdout.readline() != "done\n":
            pass

    def __enter__(self):
        self.say(f"BEGIN; SELECT 1 FROM {self.row} FOR UPDATE;")

    def __exit__(self, *_):
        self.say("COMMIT;")

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def test_ten_thousand_clients_leave_while_their_query_runs(make_server):
    # given a row that is locked again and again
    server = make_server().start()
    author = server.author()
    path = "/v1/users/" + author.username
    lock = Lock(server, f"users WHERE username = '{author.username}'")
    request = (f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {author.token}\r\n"
               "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n" '{"location":"x"}').encode()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    # when clients ask to change it, and are gone before it is free
    for _ in range(50):
        with lock:
            clients = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(200)]
            for client in clients:
                client.sendall(request)
            eventually(lambda: server.sql(waiting) != "0")
            for client in clients:
                client.close()
    lock.close()

    # then their requests are over, and nobody else notices
    eventually(lambda: server.log_text().count(f"PATCH {path} ") == 10000)
    assert author.patch(path, {"location": "Here"}).status == 200
    assert author.get(path).json["user"]["location"] == "Here"
    server.stop()


def test_a_graceful_stop_answers_what_is_under_way(make_server):
    server = make_server().start()
    author = server.author()
    answers = []

    def log_in():
        try:
            credentials = {"email": author.email, "password": author.password}
            answers.append(server.client().post("/v1/accounts/login", credentials).status)
        except ConnectionRefusedError:
            pass

    threads = [threading.Thread(target=log_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: server.log_text().count("/v1/accounts/login") > 2)
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    # Those that had connected got their answer; later ones were refused a connection, and none got a broken one.
    assert answers and set(answers) == {200}


def test_two_servers_behave_as_one(make_server):
    first = make_server().start()
    second = make_server(share=first).start()
    author = first.author()

    # log in on the first, publish on the second
    other = second.client()
    other.token, other.refresh_token = author.token, author.refresh_token
    slug = other.publish("On the second").json["article"]["slug"]
    assert author.get("/v1/articles/" + slug).status == 200

    # renew on the second, then on the first
    for client in (other, author, other):
        answer = client.post("/v1/accounts/token", headers={"Authorization": ""})
        assert answer.status == 200
        author.refresh_token = other.refresh_token = answer.cookie("refresh_token")

    # log out on the second, and the first knows
    assert other.post("/v1/accounts/logout").status == 200
    assert author.post("/v1/accounts/token", headers={"Authorization": ""}).status == 401
    first.stop()
    second.stop()


def test_every_mail_is_sent_once_by_two_servers(make_server):
    first = make_server().start()
    second = make_server(share=first).start()
    clients = [(first, second)[n % 2].client() for n in range(20)]
    for client in clients:
        assert client.register().status == 201
    eventually(lambda: first.sql("SELECT count(*) FROM mail_outbox") == "0")
    mails = [path.read_text() for path in first.mail.glob("*.eml")]
    assert len(mails) == 20
    for client in clients:
        assert sum(client.email in text for text in mails) == 1
    first.stop()
    second.stop()


def test_more_than_a_worker_bears_is_told_to_come_again(make_server):
    # given a worker that runs two requests at once, and two that wait for a locked row
    server = make_server({"http": {"max_requests": "2"}}).start()
    author = server.author()
    path = "/v1/users/" + author.username
    lock = Lock(server, f"users WHERE username = '{author.username}'")
    with lock, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(author.patch, path, {"location": "X"}) for _ in range(2)]

        # then a third is answered at once, as an error like any other
        refused = eventually(lambda: (answer := server.client().get("/v1/health")).status == 503 and answer)
        assert refused.json["error"]["type"] == "Service Unavailable" and "retry-after" in refused.headers

        # and the two are answered
        lock.say("COMMIT;")
        assert {answer.result().status for answer in waiting} == {200}
    lock.close()
    assert server.client().get("/v1/health").status == 200
    server.stop()
