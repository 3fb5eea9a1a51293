"""What holds on every route: errors, bodies, authorization, CORS, headers."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from server import SECRET

REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 415: "Unsupported Media Type"}


def expect_error(answer, status, message=None):
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json["error"]
    assert set(error) >= {"message", "status", "type"}
    assert error["status"] == status
    if status in REASONS:
        assert error["type"] == REASONS[status]
    if message is not None:
        assert error["message"] == message


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(header, claims, secret=SECRET):
    head = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return head + "." + b64(hmac.new(secret.encode(), head.encode(), hashlib.sha512).digest())


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


ARTICLE = {"title": "T", "body": "B", "meta_description": "M"}


class TestErrors:
    def test_an_unknown_path_is_404_as_json(self, visitor):
        expect_error(visitor.get("/nothing/here"), 404)

    def test_another_method_is_405_with_allow(self, visitor):
        answer = visitor.delete("/v1/health")
        expect_error(answer, 405)
        allowed = {word.strip() for word in answer.headers["allow"].split(",")}
        assert allowed == {"GET", "HEAD", "OPTIONS"}

    def test_head_has_the_headers_of_get_and_no_body(self, visitor):
        get = visitor.get("/v1/health")
        head = visitor.request("HEAD", "/v1/health")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))

    def test_options_lists_the_methods(self, visitor):
        answer = visitor.request("OPTIONS", "/v1/accounts/login")
        assert answer.status == 204
        assert "POST" in answer.headers["allow"]

    @pytest.mark.parametrize(
        "path", ["/v1/users/%00", "/v1/users/a%2fb", "/v1/users/%2e%2e", "/v1/users/%zz", "/v1/users/%ff", "/v1/users/%"]
    )
    def test_a_path_that_decodes_to_something_dangerous_is_400(self, visitor, path):
        expect_error(visitor.get(path), 400)

    @pytest.mark.parametrize("path", ["/v1//health", "/v1/health/", "//v1/health"])
    def test_a_path_with_empty_segments_is_not_another_spelling(self, visitor, path):
        assert visitor.get(path).status in (400, 404)


class TestBodies:
    def post(self, client, body, content_type="application/json"):
        return client.post("/v1/accounts/login", body, headers={"Content-Type": content_type})

    @staticmethod
    def routes_with_json(author):
        slug = author.publish().json["article"]["slug"]
        return [
            ("POST", "/v1/accounts/register"),
            ("POST", "/v1/accounts/login"),
            ("POST", "/v1/articles"),
            ("PATCH", "/v1/articles/" + slug),
            ("PATCH", "/v1/users/" + author.username),
        ]

    @pytest.mark.parametrize("body", [b"", None, b"{}", b" { } "])
    def test_an_empty_body_is_named(self, visitor, body):
        expect_error(self.post(visitor, body), 400, "Missing request body")

    def test_an_empty_body_is_named_on_every_route_that_takes_json(self, author):
        for method, path in self.routes_with_json(author):
            for body in (b"", b"{}"):
                answer = author.request(method, path, body, headers={"Content-Type": "application/json"})
                expect_error(answer, 400, "Missing request body")

    @pytest.mark.parametrize("body", [b"{", b"nope", b'{"a":1}x', b"{'a':1}", b'{"a":"\xff"}', b"[" * 5000])
    def test_what_is_not_json_is_400(self, visitor, body):
        expect_error(self.post(visitor, body), 400, "Request body is not valid JSON")

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
    def test_what_is_no_object_is_400(self, visitor, body):
        expect_error(self.post(visitor, body), 400, "Request body is not a JSON object")

    def test_the_first_missing_key_is_named(self, visitor):
        expect_error(self.post(visitor, b'{"note":1}'), 400, "Expected 'email' key")
        expect_error(self.post(visitor, b'{"email":"a@b.org"}'), 400, "Expected 'password' key")
        expect_error(
            visitor.post("/v1/accounts/register", {"email": "a@b.org", "password": "12345678"}),
            400,
            "Expected 'username' key",
        )

    @pytest.mark.parametrize("value", [1, None, True, [], {}, 1.5])
    def test_a_wrong_type_is_named(self, visitor, value):
        answer = visitor.post("/v1/accounts/login", {"email": value, "password": "12345678"})
        expect_error(answer, 400, "Expected 'email' to be a string")

    def test_an_unknown_key_is_named(self, visitor):
        answer = visitor.post("/v1/accounts/login", {"email": "a@b.org", "password": "x", "admin": True})
        expect_error(answer, 400, "Unknown key 'admin'")

    def test_what_is_too_long_is_named(self, author):
        expect_error(author.publish("x" * 256), 400, "Expected 'title' to have at most 255 characters")

    @pytest.mark.parametrize("content_type", ["text/plain", "application/jsonx", "application/x-www-form-urlencoded", ""])
    def test_another_content_type_is_415(self, visitor, content_type):
        answer = self.post(visitor, b'{"email":"a@b.org","password":"x"}', content_type)
        expect_error(answer, 415, "Expected Content-Type application/json")

    def test_a_charset_may_be_said(self, visitor):
        answer = self.post(visitor, b'{"email":"a@b.org","password":"xxxxxxxx"}', "application/json; charset=UTF-8")
        assert answer.status == 401

    @pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity, gzip", "br", "identity;q=1"])
    def test_a_body_with_a_content_coding_is_415(self, author, coding):
        for method, path in self.routes_with_json(author):
            answer = author.request(method, path, ARTICLE, headers={"Content-Encoding": coding})
            expect_error(answer, 415, "Expected a body without Content-Encoding")
            assert answer.headers["accept-encoding"] == "identity"
        assert "accept-encoding" not in self.post(author, b"x", "text/plain").headers

    @pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, ,identity"])
    def test_identity_is_no_content_coding(self, visitor, coding):
        body = {"email": "a@b.org", "password": "xxxxxxxx"}
        assert visitor.post("/v1/accounts/login", body, headers={"Content-Encoding": coding}).status == 401

    def test_without_a_body_there_is_nothing_coded(self, author):
        coded = {"Content-Encoding": "gzip"}
        assert author.get("/v1/users/" + author.username, headers=coded).status == 200
        assert author.post("/v1/accounts/logout", headers=coded).status == 200
        # who may not come in learns that first, and a body that nobody reads is refused like any other
        assert author.post("/v1/accounts/logout", b"x", headers=coded).status == 415
        assert author.post("/v1/articles", ARTICLE, headers={**coded, "Authorization": "Bearer x"}).status == 403

    def test_a_body_over_the_limit_is_413(self, visitor):
        expect_error(self.post(visitor, b'{"email":"' + b"a" * (2 << 20) + b'"}'), 413)


class TestAuthorization:
    def ask(self, client, header):
        return client.post("/v1/articles", ARTICLE, headers={"Authorization": header} if header is not None else {})

    def refusal(self, visitor, header):
        answer = self.ask(visitor, header)
        expect_error(answer, 403)
        return answer.message

    def test_no_header(self, visitor):
        assert self.refusal(visitor, None) == "No authorization header provided"

    def test_a_stranger_is_refused_at_the_head(self, visitor):
        # given the head of an upload, whose client waits for a word
        head = b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"

        # then the answer does not wait for the body, nor ask for it
        assert visitor.raw(head).startswith(b"HTTP/1.1 403 ")

    def test_what_strangers_send_is_small(self, visitor):
        answer = visitor.post("/v1/accounts/login", {"email": "a@b.example", "password": "x" * 20000})
        expect_error(answer, 413)

    def test_no_token(self, visitor):
        assert self.refusal(visitor, "Bearer") == "No authorization token provided"
        assert self.refusal(visitor, "Bearer ") == "No authorization token provided"

    @pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Token abc", "Bearer a b", "Bearer .", "Bearer ..", "Bearer x.y.z"])
    def test_other_schemes_and_nonsense(self, visitor, header):
        assert self.refusal(visitor, header)

    def test_the_scheme_is_compared_without_case(self, author, visitor):
        assert self.ask(visitor, "bearer " + author.token).status == 201

    def test_an_expired_token(self, author, visitor):
        claims = claims_of(author.token)
        claims.update(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600)
        token = make_token({"alg": "HS512", "typ": "JWT"}, claims)
        assert self.refusal(visitor, "Bearer " + token) == "Signature has expired"

    def test_a_token_signed_with_another_secret(self, author, visitor):
        token = make_token({"alg": "HS512", "typ": "JWT"}, claims_of(author.token), secret="x" * 64)
        assert self.refusal(visitor, "Bearer " + token) == "Signature verification failed"

    def test_a_changed_claim(self, author, visitor):
        head, _, signature = author.token.split(".")
        claims = claims_of(author.token)
        claims["sub"] = "1"
        changed = ".".join([head, b64(json.dumps(claims).encode()), signature])
        assert self.refusal(visitor, "Bearer " + changed) == "Signature verification failed"

    def test_a_token_made_by_the_same_rules_passes(self, author, visitor):
        """Guards the forged ones below: the forging itself works."""
        token = make_token({"alg": "HS512", "typ": "JWT"}, claims_of(author.token))
        assert self.ask(visitor, "Bearer " + token).status == 201

    @pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS384", "RS256", ""])
    def test_another_algorithm_is_refused(self, author, visitor, algorithm):
        claims = claims_of(author.token)
        for token in (
            make_token({"alg": algorithm, "typ": "JWT"}, claims),
            b64(json.dumps({"alg": algorithm}).encode()) + "." + b64(json.dumps(claims).encode()) + ".",
        ):
            assert self.refusal(visitor, "Bearer " + token)

    def test_hs256_with_the_right_secret_is_refused(self, author, visitor):
        head = b64(b'{"alg":"HS256","typ":"JWT"}') + "." + b64(json.dumps(claims_of(author.token)).encode())
        signature = b64(hmac.new(SECRET.encode(), head.encode(), hashlib.sha256).digest())
        assert self.refusal(visitor, "Bearer " + head + "." + signature)

    @pytest.mark.parametrize("claim", ["iss", "aud", "sub", "exp", "iat", "jti", "kind"])
    def test_a_missing_claim_is_refused(self, author, visitor, claim):
        claims = claims_of(author.token)
        del claims[claim]
        assert self.refusal(visitor, "Bearer " + make_token({"alg": "HS512", "typ": "JWT"}, claims))

    @pytest.mark.parametrize(
        "claim, value",
        [("iss", "other"), ("aud", "other"), ("kind", "verify"), ("sub", "abc"), ("sub", 1), ("exp", "soon"), ("sub", "-1")],
    )
    def test_a_wrong_claim_is_refused(self, author, visitor, claim, value):
        claims = {**claims_of(author.token), claim: value}
        assert self.refusal(visitor, "Bearer " + make_token({"alg": "HS512", "typ": "JWT"}, claims))

    def test_a_token_from_the_future_is_refused(self, author, visitor):
        claims = claims_of(author.token)
        claims.update(iat=int(time.time()) + 7200, exp=int(time.time()) + 9000)
        assert self.refusal(visitor, "Bearer " + make_token({"alg": "HS512", "typ": "JWT"}, claims))


    @pytest.mark.parametrize("second", ["{token}", "x", "Basic dXNlcjpwYXNz"])
    def test_two_headers_are_refused(self, author, visitor, second):
        lines = [b"POST /v1/articles HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Length: 0"]
        lines += [b"Authorization: Bearer " + author.token.encode(), b"Authorization: " + second.format(token="Bearer " + author.token).encode()]
        assert visitor.raw(b"\r\n".join(lines) + b"\r\n\r\n").startswith(b"HTTP/1.1 403 ")


class TestCors:
    ORIGIN = {"Origin": "https://www.talel.io"}

    def test_a_configured_origin_is_echoed_with_credentials(self, visitor):
        answer = visitor.get("/v1/health", headers=self.ORIGIN)
        assert answer.headers["access-control-allow-origin"] == "https://www.talel.io"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]
        exposed = answer.headers["access-control-expose-headers"]
        for name in ("Link", "X-Total-Count", "ETag", "Location", "Retry-After"):
            assert name in exposed

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "https://www.talel.io.evil.example", "http://www.talel.io", "null", "https://www.talel.io:444"]
    )
    def test_another_origin_gets_nothing(self, visitor, origin):
        answer = visitor.get("/v1/health", headers={"Origin": origin})
        assert answer.status == 200
        assert "access-control-allow-origin" not in answer.headers
        assert "Origin" in answer.headers["vary"]

    @pytest.mark.parametrize("path", ["/nothing", "/v1/articles/none"])
    def test_errors_carry_it_too(self, visitor, path):
        assert visitor.get(path, headers=self.ORIGIN).headers["access-control-allow-origin"] == "https://www.talel.io"

    @pytest.mark.parametrize("request_line", ["GET /v1/health HTTP/3.0", "BREW /v1/health HTTP/1.1"])
    def test_what_is_refused_before_the_router_carries_it_too(self, visitor, request_line):
        received = visitor.raw(f"{request_line}\r\nHost: x\r\nOrigin: https://www.talel.io\r\n\r\n".encode())
        assert b"\r\nVary: Origin\r\n" in received
        large = visitor.post("/v1/accounts/login", b"x" * (2 << 20), headers={**self.ORIGIN, "Content-Type": "application/json"})
        assert large.status == 413
        assert large.headers["access-control-allow-origin"] == "https://www.talel.io"

    def test_a_refusal_carries_it_too(self, visitor):
        answer = visitor.post("/v1/articles", ARTICLE, headers=self.ORIGIN)
        assert answer.status == 403
        assert answer.headers["access-control-allow-origin"] == "https://www.talel.io"

    def test_preflight_needs_no_authorization(self, visitor):
        answer = visitor.request(
            "OPTIONS",
            "/v1/articles",
            headers={
                **self.ORIGIN,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == "https://www.talel.io"
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].lower()
        for name in ("authorization", "content-type", "if-match", "if-none-match"):
            assert name in allowed

    def test_preflight_from_elsewhere_allows_nothing(self, visitor):
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = visitor.request("OPTIONS", "/v1/articles", headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "Origin" in answer.headers["vary"]

    def test_each_of_several_origins_is_echoed_alone(self, make_server):
        origins = ["https://www.talel.io", "http://localhost:3000"]
        server = make_server({"http": {"cors_origins": ", ".join(origins)}}).start()
        for origin in origins:
            answer = server.client().get("/v1/health", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
        server.stop()


class TestHeaders:
    def test_a_request_id_is_on_every_response(self, visitor):
        first, second = visitor.get("/v1/health"), visitor.get("/nothing")
        assert first.headers["x-request-id"] and second.headers["x-request-id"]
        assert first.headers["x-request-id"] != second.headers["x-request-id"]

    def test_a_sane_request_id_is_taken_over(self, visitor):
        assert visitor.get("/v1/health", headers={"X-Request-Id": "abc-123.x_Y"}).headers["x-request-id"] == "abc-123.x_Y"

    @pytest.mark.parametrize("insane", ["a b", "<script>", "x" * 200, "é"])
    def test_an_insane_request_id_is_replaced(self, visitor, insane):
        answer = visitor.get("/v1/health", headers={"X-Request-Id": insane.encode()})
        assert answer.status == 400 or answer.headers["x-request-id"] != insane

    @pytest.mark.parametrize("path", ["/v1/health", "/nothing", "/v1/users/nobody"])
    def test_nosniff_is_everywhere(self, visitor, path):
        assert visitor.get(path).headers["x-content-type-options"] == "nosniff"

    def test_the_log_names_request_route_and_plugin(self, server, visitor):
        visitor.get("/v1/users/nobody-there", headers={"X-Request-Id": "find-me-in-the-log"})
        line = next(line for line in server.log_text().splitlines() if "find-me-in-the-log" in line)
        assert "404" in line and "/v1/users/:username" in line
