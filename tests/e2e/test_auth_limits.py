"""The auth plugin where visitors misbehave: guessing, gone accounts, many at once."""

import contextlib
import os
import pty
import subprocess
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server import PATIENCE, TALELIO, eventually


def renew(client, token=None):
    return client.post(
        "/v1/accounts/token", headers={"Cookie": "refresh_token=" + (token or client.refresh_token), "Authorization": ""}
    )


class TestGuessing:
    def test_too_many_attempts_are_429_for_that_email_only(self, make_server):
        server = make_server({"plugin:auth": {"login_attempts": "3"}}).start()
        client = server.author()
        other = server.author()
        password, client.password = client.password, "a wrong password"
        assert [client.login().status for _ in range(4)] == [401, 401, 401, 429]

        # then also the right password, and another writing of the email, must wait
        client.password = password
        client.email = " " + client.email.upper()
        answer = client.login()
        assert (answer.status, answer.message) == (429, "Too many attempts to log in")
        assert 0 < int(answer.headers["retry-after"]) <= 900
        assert other.login().status == 200
        server.stop()

    def test_addresses_of_one_ipv6_network_are_counted_together(self, make_server):
        server = make_server({"plugin:auth": {"login_attempts": "2"}, "http": {"trusted_proxies": "127.0.0.1"}}).start()
        visitor = server.client()

        def guess(email, address):
            body = {"email": email, "password": "a wrong password"}
            return visitor.post("/v1/accounts/login", body, headers={"X-Forwarded-For": address}).status

        six = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"]
        assert [guess("six@example.org", address) for address in six] == [401, 401, 429, 401]
        four = ["192.0.2.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80", "::ffff:192.0.2.2"]
        assert [guess("four@example.org", address) for address in four] == [401, 401, 429, 401]
        server.stop()

    def test_letters_that_lower_case_makes_plain_do_not_evade_it(self, server):
        author = server.author(username="kim")
        for email in ("\u212aim@example.org", "k\u0130m@example.org"):
            author.email = email
            answer = author.login()
            assert (answer.status, answer.message) == (401, "Invalid username or password")

    def test_it_ends_with_the_window(self, make_server):
        server = make_server({"plugin:auth": {"login_attempts": "1", "login_window": "3s"}}).start()
        client = server.client()
        client.email, client.password = "nobody@example.org", "a wrong password"
        assert [client.login().status for _ in range(2)] == [401, 429]
        assert eventually(lambda: (status := client.login().status) != 429 and status) == 401
        server.stop()

    def test_a_success_forgets_the_attempts(self, make_server):
        server = make_server({"plugin:auth": {"login_attempts": "2"}}).start()
        client = server.author()
        for _ in range(3):
            password, client.password = client.password, "a wrong password"
            assert client.login().status == 401
            client.password = password
            assert client.login().status == 200
        server.stop()


class TestMorePasswordsThanFit:
    """One thread hashes, and two passwords may wait for it."""

    @pytest.fixture(scope="class")
    def server(self, make_server):
        changes = {"server": {"workers": "1", "blocking_threads": "1", "blocking_queue": "2"}, "plugin:auth": {"login_attempts": "1"}}
        server = make_server(changes).start()
        yield server
        server.stop()

    @contextlib.contextmanager
    def hardly_anything_fits(self, server):
        """Until the block ends, more log in at all times than there is room for."""
        author, over = server.author(), threading.Event()

        def log_in_again_and_again():
            client = server.client()
            client.email, client.password = author.email, author.password
            while not over.is_set():
                assert client.login().status in (200, 503)

        with ThreadPoolExecutor(8) as pool:
            crowd = [pool.submit(log_in_again_and_again) for _ in range(8)]
            try:
                yield
            finally:
                over.set()
        for one in crowd:
            one.result()

    def test_each_is_served_or_told_to_come_again(self, server, author):
        # when many log in at once
        with ThreadPoolExecutor(24) as pool:
            credentials = {"email": author.email, "password": author.password}
            answers = list(pool.map(lambda _: server.client().post("/v1/accounts/login", credentials), range(48)))
        assert {answer.status for answer in answers} == {200, 503}
        for answer in answers:
            assert answer.status == 200 or int(answer.headers["retry-after"]) > 0
        assert author.login().status == 200

    def test_that_does_not_tell_who_has_an_account(self, server):
        def log_in(email, password="a wrong password"):
            return server.client().post("/v1/accounts/login", {"email": email, "password": password})

        def first_without_room(ask, names):
            """Of names that have not been tried before: the one, and its answer."""
            return next((name, answer) for name in names if (answer := ask(name)).status == 503)

        # given many accounts
        tries = range(16)
        known = [server.author(username=f"kim{i}").email for i in tries]
        newcomers = [server.client() for _ in tries]

        # when there is no room, then every login is told the same, whoever it is for and whatever the password is
        with self.hardly_anything_fits(server):
            right = first_without_room(lambda email: log_in(email, "correct horse battery"), known[:8])
            wrong = first_without_room(log_in, known[8:])
            nobody = first_without_room(log_in, [f"nobody{i}@example.org" for i in tries])
            lookalike = first_without_room(log_in, [f"\u212aim{i}@example.org" for i in tries])
            newcomer, refused = first_without_room(lambda client: client.register(), newcomers)
        answers = [right[1], wrong[1], nobody[1], lookalike[1]]
        assert len({(answer.body, answer.headers["retry-after"]) for answer in answers}) == 1
        assert int(refused.headers["retry-after"]) > 0

        # and none of them has counted as a failed attempt, nor made an account
        assert [log_in(email).status for email in (wrong[0], nobody[0], lookalike[0])] == [401] * 3
        assert newcomer.register(newcomer.username).status == 201


class TestSessions:
    def test_many_requests_with_one_token_meet_in_one_successor(self, author):
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: renew(author), range(12)))
        assert [answer.status for answer in answers] == [200] * 12
        assert len({answer.cookie("refresh_token") for answer in answers}) == 1
        assert renew(author, answers[0].cookie("refresh_token")).status == 200

    def test_a_token_two_rotations_old_leads_to_the_present_one(self, author):
        second = renew(author).cookie("refresh_token")
        third = renew(author, second).cookie("refresh_token")
        assert renew(author).cookie("refresh_token") == third
        assert renew(author, third).status == 200

    def test_a_deleted_account_gets_no_new_token(self, server, author):
        server.sql(f"DELETE FROM accounts WHERE email = '{author.email}'")
        for _ in range(2):
            answer = renew(author)
            assert (answer.status, answer.message) == (401, "No stored refresh token for user")

    def test_a_session_ends_at_its_lifetime_however_often_it_is_used(self, make_server):
        server = make_server({"plugin:auth": {"refresh_lifetime": "3s", "refresh_idle": "2s"}}).start()
        author = server.author()
        end = time.monotonic() + 3
        statuses = []
        while time.monotonic() < end + 0.5:
            answer = renew(author)
            statuses.append(answer.status)
            if answer.status == 200:
                author.refresh_token = answer.cookie("refresh_token")
                assert "Max-Age=" in answer.cookies[0]
            time.sleep(0.25)
        assert statuses[0] == 200 and statuses[-1] == 401
        server.stop()

    def test_an_expired_access_token_is_told(self, make_server):
        server = make_server({"plugin:auth": {"access_lifetime": "1s"}}).start()
        author = server.author()
        time.sleep(2.1)
        answer = author.post("/v1/accounts/logout")
        assert (answer.status, answer.message) == (403, "Signature has expired")
        server.stop()


class TestNames:
    def test_a_path_that_is_no_text_is_nobody(self, visitor):
        for path in ("/v1/users/%ff", "/v1/users/" + "x" * 2000, "/v1/users/a%27b", "/v1/users/a%22b"):
            answer = visitor.get(path)
            assert answer.status in (400, 404), answer
            assert answer.json["error"]["status"] == answer.status

    def test_a_nul_in_a_password_is_refused(self, visitor):
        answer = visitor.post(
            "/v1/accounts/register", {"email": "nul@example.org", "password": "12345678\0abcdefgh", "username": "nul"}
        )
        assert answer.status == 400, answer


def test_the_command_asks_a_terminal_without_echo(server):
    # given a terminal on which somebody types the password twice
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [TALELIO, "user", "add", "tty@example.org", "tty-user", "--verified", "--config", server.ini],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=server.folder,
    )
    os.close(terminal)
    said = b""
    for prompt in (b"Password: ", b"The same again: "):
        while not said.endswith(prompt):
            piece = os.read(process.stderr.fileno(), 1)
            assert piece, said
            said += piece
        # what is typed before the echo is off is thrown away
        eventually(lambda: not termios.tcgetattr(master)[3] & termios.ECHO, every=0.01)
        os.write(master, b"typed by hand\n")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert b"tty-user" in out

    # then the terminal has shown nothing of it
    os.set_blocking(master, False)
    try:
        shown = os.read(master, 4096)
    except OSError:
        shown = b""
    os.close(master)
    assert b"typed" not in shown

    # and the account works, verified, without a mail
    client = server.client()
    client.email, client.password = "tty@example.org", "typed by hand"
    assert client.login().status == 200
    assert server.sql("SELECT verified FROM accounts WHERE email = 'tty@example.org'") == "t"
    assert server.sql("SELECT count(*) FROM mail_outbox WHERE recipient = 'tty@example.org'") == "0"
