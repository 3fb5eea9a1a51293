"""The auth plugin: registration, verification, login, renewal, logout."""

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server import eventually


def verification_mail(server, email):
    def find():
        for path in sorted(server.mail.glob("*.eml")) if server.mail.exists() else []:
            text = path.read_bytes().decode()
            if email in text:
                return text
        return None

    return eventually(find)


def verification_token(server, email):
    import email as mail_parser

    message = mail_parser.message_from_string(verification_mail(server, email))
    text = message.get_payload(decode=True).decode()
    return re.search(r"/([A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,})", text).group(1)


class TestRegistration:
    def test_it_makes_an_account_and_a_user(self, visitor):
        answer = visitor.register()
        assert answer.status == 201, answer
        account, user = answer.json["account"], answer.json["user"]
        assert set(account) >= {"id", "created_at", "updated_at", "email", "verified"}
        assert account["email"] == visitor.email and account["verified"] is False and account["updated_at"] is None
        assert set(user) >= {"id", "username", "location", "avatar_url"}
        assert (user["username"], user["location"], user["avatar_url"]) == (visitor.username, "", "default.jpg")
        assert "password" not in answer.body.decode()

    def test_what_is_malformed_is_told(self, visitor):
        for body, message in [
            ({"email": "nobody", "password": "12345678", "username": "u"}, "Expected 'email' to be an email address"),
            ({"email": "a@b.org", "password": "1234567", "username": "u"}, "Expected 'password' to have 8 to 128 characters"),
            ({"email": "a@b.org", "password": "12345678", "username": "a b"},
             "Expected 'username' to be 1 to 20 letters, digits, '-' and '_'"),
        ]:  # fmt: skip
            answer = visitor.post("/v1/accounts/register", body)
            assert (answer.status, answer.message) == (400, message)

    def test_an_email_is_taken_without_regard_to_case(self, server, author):
        answer = server.client().register(email=author.email.upper())
        assert answer.status == 400
        assert answer.message == f"Account with the email '{author.email.upper()}' already exists"

    def test_a_username_is_taken(self, server, author):
        answer = server.client().register(username=author.username, email="other-" + author.email)
        assert answer.status == 400
        assert answer.message == f"Account with the username '{author.username}' already exists"

    @pytest.mark.parametrize("email", ["", "x", "@", "a@", "@b.org", "a b@c.org", "a@b@c.org", "a@b.org\r\nBcc: c@d.org", "x" * 300 + "@b.org"])
    def test_a_malformed_email_is_400(self, visitor, email):
        answer = visitor.post("/v1/accounts/register", {"email": email, "password": "12345678", "username": "someone"})
        assert answer.status == 400, answer

    @pytest.mark.parametrize("username", ["", " ", "a b", "a/b", "é", "x" * 21, "a.b", "a\n"])
    def test_a_malformed_username_is_400(self, visitor, username):
        answer = visitor.post(
            "/v1/accounts/register", {"email": "fine@example.org", "password": "12345678", "username": username}
        )
        assert answer.status == 400, answer

    @pytest.mark.parametrize("password, status", [("x" * 7, 400), ("x" * 8, 201), ("é" * 128, 201), ("x" * 129, 400)])
    def test_a_password_has_8_to_128_characters(self, visitor, password, status):
        assert visitor.register(password=password).status == status

    def test_the_password_is_stored_as_argon2id_only(self, server, author):
        stored = server.sql(f"SELECT password_hash FROM accounts WHERE email = '{author.email}'")
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    def test_two_registrations_at_once_make_one_account(self, server):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: server.client().register(username="racer"), range(8)))
        assert sorted(answer.status for answer in answers) == [201] + [400] * 7

    def test_a_whitelist_lets_in_only_its_emails(self, make_server):
        server = make_server({"plugin:auth": {"whitelist": "First@Example.org, second@example.org"}}).start()
        assert server.client().register(email="first@example.ORG").status == 201
        assert server.client().register(email="  second@example.org ").status == 201
        for email in ("third@example.org", "first@example.or", "first@example.org.uk"):
            refused = server.client().register(email=email)
            assert (refused.status, refused.message) == (400, "Email not whitelisted"), email
        server.stop()


class TestVerification:
    def test_the_mailed_token_verifies(self, server, visitor):
        visitor.register()
        token = verification_token(server, visitor.email)

        answer = visitor.get("/v1/accounts/verify/" + token)
        assert answer.status == 200, answer
        account = answer.json.get("account", answer.json)
        assert account["verified"] is True and account["email"] == visitor.email
        assert account["updated_at"] is not None

        # and whoever follows the link once more sees the same
        again = visitor.get("/v1/accounts/verify/" + token)
        assert (again.status, again.body) == (200, answer.body)

    def test_head_answers_as_get_would_and_verifies_nothing(self, server, visitor):
        account = visitor.register().json["account"]["id"]
        link = "/v1/accounts/verify/" + verification_token(server, visitor.email)

        head = visitor.request("HEAD", link)
        assert (head.status, head.body) == (200, b"")
        assert server.sql(f"SELECT verified, updated_at IS NULL FROM accounts WHERE id = {account}") == "f|t"
        assert visitor.get(link).headers["content-length"] == head.headers["content-length"]
        assert visitor.request("HEAD", "/v1/accounts/verify/x").status == 400

    def test_the_token_is_in_no_log(self, server, visitor):
        visitor.register()
        token = verification_token(server, visitor.email)
        for method in ("HEAD", "GET", "POST", "OPTIONS"):
            visitor.request(method, "/v1/accounts/verify/" + token)
        visitor.get(f"/v1/accounts/verify/{token}/?utm_source=mail")
        eventually(lambda: "GET /v1/accounts/verify/:token 404 " in server.log_text())
        assert "GET /v1/accounts/verify/:token 200 " in server.log_text()
        assert token.split(".")[1] not in server.log_text() and token.split(".")[2] not in server.log_text()

    @pytest.mark.parametrize("token", ["x", "a.b.c", "x" * 3000])
    def test_nonsense_is_refused(self, visitor, token):
        answer = visitor.get("/v1/accounts/verify/" + token)
        assert (answer.status, answer.message) == (400, "Invalid verification token")

    def test_the_token_holds_for_its_account_and_its_address_alone(self, server, visitor):
        account = visitor.register().json["account"]["id"]
        token = verification_token(server, visitor.email)

        # when the address is another one, then nobody has proved it
        server.sql(f"UPDATE accounts SET email = 'new-{visitor.email}' WHERE id = {account}")
        answer = visitor.get("/v1/accounts/verify/" + token)
        assert (answer.status, answer.message) == (400, "Invalid verification token")
        assert server.sql(f"SELECT verified FROM accounts WHERE id = {account}") == "f"

        # when it is written in another case, then it is the same
        server.sql(f"UPDATE accounts SET email = '{visitor.email.upper()}' WHERE id = {account}")
        assert visitor.get("/v1/accounts/verify/" + token).status == 200

        # when the account is deleted
        server.sql(f"DELETE FROM accounts WHERE id = {account}")
        answer = visitor.get("/v1/accounts/verify/" + token)
        assert (answer.status, answer.message) == (400, "Invalid verification token")

    def test_an_access_token_does_not_verify(self, author):
        answer = author.get("/v1/accounts/verify/" + author.token)
        assert (answer.status, answer.message) == (400, "Invalid verification token")

    def test_a_verification_token_opens_nothing(self, server, visitor):
        visitor.register()
        visitor.token = verification_token(server, visitor.email)
        assert visitor.publish().status == 403

    def test_a_mail_server_that_is_down_loses_no_registration(self, make_server):
        # given a mail server that nobody runs
        server = make_server({"mail": {"driver": "smtp", "smtp_url": "smtp://127.0.0.1:1", "smtp_tls": "off"}}).start()
        client = server.client()

        # when somebody registers, then it works, and the mail waits with the reason
        assert client.register().status == 201
        assert client.login().status == 200
        reason = eventually(lambda: server.sql("SELECT last_error FROM mail_outbox WHERE attempts > 0"))
        assert "connect" in reason.lower()
        server.stop()


@pytest.mark.ships
class TestLogin:
    def test_an_email_that_would_be_refused_today_still_logs_in(self, server, author):
        author.email = f"a..b.{author.username}@example.org"
        server.sql(f"UPDATE accounts SET email = '{author.email}' WHERE email = '{author.username.lower()}@example.org'")
        assert author.login().status == 200
        refused = server.client().register(email="a..b@example.org")
        assert (refused.status, refused.message) == (400, "Expected 'email' to be an email address")

    def test_it_answers_a_token_and_a_cookie(self, visitor):
        visitor.register()
        answer = visitor.login()
        assert answer.status == 200
        assert set(answer.json) == {"access_token"}
        assert answer.headers["cache-control"] == "no-store"
        cookie = answer.cookies[0]
        for part in ("HttpOnly", "SameSite=Lax", "Path=/v1/accounts", "Max-Age=604800"):
            assert part in cookie
        assert "Secure" not in cookie and "Domain" not in cookie

    def test_secure_and_domain_come_from_the_configuration(self, make_server):
        server = make_server({"plugin:auth": {"cookie_secure": "yes", "cookie_domain": "talel.io"}}).start()
        client = server.author()
        # the one that expires it must name the same place, or a browser keeps it
        for answer in (client.login(), client.post("/v1/accounts/logout")):
            cookie = answer.cookies[0]
            assert "; Secure" in cookie and "; Domain=talel.io" in cookie and "; Path=/v1/accounts" in cookie
        server.stop()

    def test_the_access_token_says_who_for_half_an_hour(self, author):
        head, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in author.token.split("."))
        claims = json.loads(claims)
        user = author.get("/v1/users/" + author.username).json["user"]
        assert json.loads(head)["alg"] == "HS512"
        assert set(claims) >= {"iss", "aud", "sub", "iat", "exp", "jti"}
        assert (claims["sub"], claims["username"], claims["exp"] - claims["iat"]) == (str(user["id"]), author.username, 1800)

    def test_tokens_are_never_the_same(self, author):
        first, secret = author.token, author.refresh_token.split(".")[1]
        assert len(base64.urlsafe_b64decode(secret + "==")) * 8 == 256
        author.login()
        assert author.token != first and author.refresh_token.split(".")[1] != secret

    def test_unknown_account_and_wrong_password_look_the_same(self, author):
        unknown = author.post("/v1/accounts/login", {"email": "nobody@example.org", "password": "12345678"})
        wrong = author.post("/v1/accounts/login", {"email": author.email, "password": "not the password"})
        assert (unknown.status, unknown.message) == (wrong.status, wrong.message) == (401, "Invalid username or password")

    def test_the_email_is_compared_without_case(self, visitor):
        visitor.register()
        visitor.email = visitor.email.upper()
        assert visitor.login().status == 200

    def test_a_password_hashed_with_older_parameters_is_rehashed(self, server, visitor):
        visitor.register()
        server.sql(f"UPDATE accounts SET password_hash = '{WEAKER}' WHERE email = '{visitor.email}'")
        assert visitor.login().status == 200
        stored = eventually(
            lambda: (s := server.sql(f"SELECT password_hash FROM accounts WHERE email = '{visitor.email}'")) != WEAKER and s
        )
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert visitor.login().status == 200


@pytest.mark.ships
class TestRenewal:
    def renew(self, client, token=None):
        return client.post(
            "/v1/accounts/token", headers={"Cookie": "refresh_token=" + (token or client.refresh_token), "Authorization": ""}
        )

    def test_the_cookie_gets_a_new_token_and_is_rotated(self, author):
        answer = self.renew(author)
        assert answer.status == 200, answer
        assert set(answer.json) == {"access_token"}
        assert answer.headers["cache-control"] == "no-store"
        rotated = answer.cookie("refresh_token")
        assert rotated and rotated != author.refresh_token
        author.token = answer.json["access_token"]
        assert author.publish().status == 201
        assert self.renew(author, rotated).status == 200

    def test_redis_holds_only_a_hash(self, server, author):
        import subprocess

        keys = subprocess.run(
            ["redis-cli", "-s", server.redis, "--scan", "--pattern", server.prefix + "*"], capture_output=True, text=True
        ).stdout.split()
        assert keys
        secret = author.refresh_token.rsplit(".", 1)[-1]
        for key in keys:
            dump = subprocess.run(["redis-cli", "-s", server.redis, "get", key], capture_output=True, text=True).stdout
            assert secret not in dump

    @pytest.mark.parametrize("cookie", ["", "refresh_token=", "refresh_token=abc", "refresh_token=" + "x" * 5000, "other=1"])
    def test_no_or_a_malformed_token_is_400(self, visitor, cookie):
        assert visitor.post("/v1/accounts/token", headers={"Cookie": cookie} if cookie else {}).status == 400

    def test_two_requests_with_one_token_both_succeed(self, author):
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda _: self.renew(author), range(2))
        assert (first.status, second.status) == (200, 200)
        # and whichever cookie the browser kept, it works
        assert self.renew(author, first.cookie("refresh_token")).status == 200
        assert self.renew(author, second.cookie("refresh_token")).status == 200

    def test_an_answer_that_is_lost_costs_no_session(self, make_server):
        # given a server that forgives nothing, and a phone whose answers get lost, time and again
        strict = make_server({"plugin:auth": {"refresh_grace": "0s"}}).start()
        phone = strict.author()
        for _ in range(3):
            assert self.renew(phone).status == 200
            time.sleep(0.01)
        # when one arrives, then what it brought works, and the next may be lost too
        phone.refresh_token = self.renew(phone).cookie("refresh_token")
        for _ in range(2):
            answer = self.renew(phone)
            assert answer.status == 200
            time.sleep(0.01)
        assert self.renew(phone, answer.cookie("refresh_token")).status == 200
        strict.stop()

    def test_a_rotated_token_ends_the_session_once_its_successor_was_used_and_the_grace_is_over(self, make_server):
        server = make_server({"plugin:auth": {"refresh_grace": "1s"}}).start()
        author = server.author()
        successor = self.renew(author).cookie("refresh_token")
        last = self.renew(author, successor).cookie("refresh_token")
        assert self.renew(author).status == 200
        time.sleep(1.1)

        stolen = self.renew(author)
        assert (stolen.status, stolen.message) == (401, "Provided refresh token not matching stored refresh token")
        ended = self.renew(author, last)
        assert (ended.status, ended.message) == (401, "No stored refresh token for user")
        server.stop()

    def test_of_several_cookies_the_one_that_opens_a_session_counts(self, server, author):
        # given beside it what a changed cookie_domain leaves behind: cookies that open nothing (any more)
        other = server.author()
        stale = other.refresh_token.split(".")[0] + "." + author.refresh_token.split(".")[1]
        unknown = "A" * 22 + "." + "A" * 43
        for leftover in (unknown, stale, "malformed", ""):
            cookie = f"refresh_token={leftover}; a=b; refresh_token={author.refresh_token}"
            answer = author.post("/v1/accounts/token", headers={"Cookie": cookie, "Authorization": ""})
            assert answer.status == 200, leftover
            author.refresh_token = answer.cookie("refresh_token")
        # then the stale one has ended nothing
        assert self.renew(other).status == 200
        # and alone it does
        assert [self.renew(other, stale).status, self.renew(other).status] == [401, 401]

    def test_a_cookie_in_a_second_line_counts(self, author):
        got = author.raw(
            b"POST /v1/accounts/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n"
            b"Cookie: refresh_token=" + b"A" * 22 + b"." + b"A" * 43 + b"\r\n"
            b"Cookie: a=b; refresh_token=" + author.refresh_token.encode() + b"\r\n\r\n"
        )
        assert got.startswith(b"HTTP/1.1 200 "), got

    def test_eight_cookies_are_looked_at(self, author):
        def ask(others):
            cookie = "; ".join(["refresh_token=x"] * others + ["refresh_token=" + author.refresh_token])
            return author.post("/v1/accounts/token", headers={"Cookie": cookie, "Authorization": ""}).status

        assert [ask(7), ask(8)] == [200, 400]

    def test_a_session_of_a_deleted_account_does_not_stand_before_another(self, server, author):
        deleted = server.author()
        server.sql(f"DELETE FROM accounts WHERE email = '{deleted.email}'")
        cookie = f"refresh_token={deleted.refresh_token}; refresh_token={author.refresh_token}"
        assert author.post("/v1/accounts/token", headers={"Cookie": cookie, "Authorization": ""}).status == 200

    def test_devices_have_sessions_of_their_own(self, server, author):
        phone = server.client()
        phone.email, phone.password = author.email, author.password
        assert phone.login().status == 200
        assert phone.refresh_token != author.refresh_token
        author.post("/v1/accounts/logout")
        assert self.renew(author).status == 401
        assert self.renew(phone).status == 200

    def test_a_token_of_an_unknown_session_is_401(self, author):
        forged = "".join("A" if c.isalnum() else c for c in author.refresh_token)
        answer = self.renew(author, forged)
        assert (answer.status, answer.message) == (401, "No stored refresh token for user")


class TestLogout:
    def test_it_ends_the_session_and_expires_the_cookie(self, author):
        answer = author.post("/v1/accounts/logout")
        assert (answer.status, answer.json) == (200, {"message": "Successfully logged out"})
        for part in ("refresh_token=;", "Max-Age=0", "Path=/v1/accounts", "HttpOnly", "SameSite=Lax"):
            assert part in answer.cookies[0]
        again = author.post("/v1/accounts/logout")
        assert (again.status, again.message) == (409, "No token to delete")

    def test_a_rotated_token_that_still_passes_ends_it(self, author):
        renewed = author.post("/v1/accounts/token", headers={"Authorization": ""})
        assert author.post("/v1/accounts/logout").status == 200
        author.refresh_token = renewed.cookie("refresh_token")
        assert author.post("/v1/accounts/token", headers={"Authorization": ""}).status == 401

    def test_every_session_that_a_cookie_opens_is_ended(self, server, author):
        again = server.client()
        again.email, again.password = author.email, author.password
        again.login()
        other = server.author()
        tokens = [other.refresh_token, author.refresh_token, again.refresh_token]
        cookie = "; ".join("refresh_token=" + token for token in tokens)
        assert author.post("/v1/accounts/logout", headers={"Cookie": cookie}).status == 200
        statuses = []
        for client in (author, again, other):
            statuses.append(client.post("/v1/accounts/token", headers={"Authorization": ""}).status)
        assert statuses == [401, 401, 200]

    def test_it_needs_authorization(self, author):
        assert author.post("/v1/accounts/logout", headers={"Authorization": ""}).status == 403

    def test_without_a_cookie_there_is_nothing_to_delete(self, author):
        author.refresh_token = None
        answer = author.post("/v1/accounts/logout")
        assert (answer.status, answer.message) == (409, "No token to delete")

    def test_nobody_ends_the_session_of_another(self, server, author):
        other = server.author()
        other.refresh_token = author.refresh_token
        assert other.post("/v1/accounts/logout").status == 409
        renewed = author.post("/v1/accounts/token", headers={"Authorization": ""})
        assert renewed.status == 200


# argon2id over "correct horse battery" with 8 MiB and one pass.
WEAKER = "$argon2id$v=19$m=8192,t=1,p=1$LCsxW/SOhokuVAmUUmiHVA$L4Qdrvqq3tHSN6f9Oh3+7D+ogNZmXa0JpfRmHJzlgZs"
