"""The gate: only requests that are framed without doubt reach a handler; everything else is one JSON error and a close."""

import json
import socket

import pytest

HOST = b"Host: localhost\r\n"


def parse(data):
    """Splits what came back into [(status, headers, body)]; responses to HEAD are not asked here."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status == 100:
            continue
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        answers.append((status, headers, data[:length]))
        data = data[length:]
    return answers


def refused(visitor, data, *statuses):
    answers = parse(visitor.raw(data))
    assert len(answers) == 1, answers
    status, headers, body = answers[0]
    assert status in statuses, answers
    error = json.loads(body)["error"]
    assert error["status"] == status
    assert headers["connection"].lower() == "close"
    assert headers["x-content-type-options"] == "nosniff" and headers["x-request-id"]
    assert headers["content-type"] == "application/json"
    return error


BODY = b'{"email":"a@b.org","password":"12345678"}'
LOGIN = b"POST /v1/accounts/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 41\r\nContent-Length: 40\r\n",
        b"Content-Length: +41\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 0x29\r\n",
        b"Content-Length: 41, 41\r\n",
        b"Content-Length: 4 1\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: 99999999999999999999999999\r\n",
        b"Content-Length : 41\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 41\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: 41\r\nX: a\r\n b\r\n",
        b"Content-Length: 41\r\nX: a\0b\r\n",
        b"Content-Length: 41\r\n: empty\r\n",
        b"Content-Length: 41\r\nX y: z\r\n",
        b"Content-Length: 41\r\nno colon\r\n",
        b"Content-Length: 41\r\nX: a\rb\r\n",
        b"Content-Length: 41\nX: y\r\n",
        b"Content-Length: 41\r\nHost: other\r\n",
    ],
)
def test_doubtful_framing_is_refused(visitor, head):
    refused(visitor, LOGIN + head + b"\r\n" + BODY, 400, 413, 501)


@pytest.mark.parametrize(
    "chunks",
    [b"0x29\r\n" + BODY + b"\r\n0\r\n\r\n", b"+29\r\n" + BODY + b"\r\n0\r\n\r\n", b"29\n" + BODY + b"\r\n0\r\n\r\n",
     b"29\r\n" + BODY + b"XX0\r\n\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\n", b"\r\n", b"29 \r\n" + BODY + b"XX"],
)  # fmt: skip
def test_doubtful_chunks_are_refused(visitor, chunks):
    refused(visitor, LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, 400, 413)


def test_a_chunked_body_works(visitor):
    data = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + b"9\r\n" + BODY[:9] + b"\r\n20\r\n" + BODY[9:] + b"\r\n0\r\n\r\n"
    assert [answer[0] for answer in parse(visitor.raw(data))] == [401]


def test_sizes_of_chunks_may_begin_with_zeros(visitor):
    head = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n"
    for zeros in (b"0", b"0" * 30):
        data = head + zeros + b"9\r\n" + BODY[:9] + b"\r\n" + zeros + b"20\r\n" + BODY[9:] + b"\r\n" + zeros + b"0\r\n\r\n"
        assert [answer[0] for answer in parse(visitor.raw(data))] == [401]
    refused(visitor, head + b"0" * 1000, 400)


@pytest.mark.parametrize(
    "line, statuses",
    [
        (b"GET /v1/health HTTP/1.9", (505,)),
        (b"GET /v1/health HTTP/2.0", (505,)),
        (b"GET /v1/health HTTP/0.9", (400, 505)),
        (b"GET /v1/health", (400,)),
        (b"GET  /v1/health HTTP/1.1", (400,)),
        (b"GET /v1/he alth HTTP/1.1", (400,)),
        (b"GET /v1/he\talth HTTP/1.1", (400,)),
        (b"GET /v1/\x01 HTTP/1.1", (400,)),
        (b"GET v1/health HTTP/1.1", (400,)),
        (b"BREW /v1/health HTTP/1.1", (501, 405)),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1", (414,)),
        (b"GE(T /v1/health HTTP/1.1", (400, 501)),
        (b"CONNECT localhost:80 HTTP/1.1", (400, 405, 501)),
    ],
)
def test_a_doubtful_request_line_is_refused(visitor, line, statuses):
    refused(visitor, line + b"\r\n" + HOST + b"\r\n", *statuses)


def test_a_host_is_required_once(visitor):
    refused(visitor, b"GET /v1/health HTTP/1.1\r\n\r\n", 400)
    refused(visitor, b"GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400)


def test_large_headers_are_431(visitor):
    refused(visitor, b"GET /v1/health HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 100000 + b"\r\n\r\n", 431)
    refused(visitor, b"GET /v1/health HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 500 + b"\r\n", 431)


def test_a_large_body_is_413_before_it_arrives(visitor):
    refused(visitor, LOGIN + b"Content-Length: 1000000000\r\n\r\n", 413)


def test_an_unknown_expectation_is_417(visitor):
    refused(visitor, LOGIN + b"Expect: miracles\r\nContent-Length: 41\r\n\r\n" + BODY, 417)


def test_100_continue_is_said_before_the_body(visitor):
    with socket.create_connection((visitor.host, visitor.port), timeout=10) as connection:
        connection.sendall(LOGIN + b"Expect: 100-continue\r\nContent-Length: 41\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_pipelined_requests_are_answered_in_order(visitor):
    data = b"".join(b"GET /v1/users/nobody%d HTTP/1.1\r\n" % n + HOST + b"\r\n" for n in range(20))
    data += b"GET /v1/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    answers = parse(visitor.raw(data))
    assert [answer[0] for answer in answers] == [404] * 20 + [200]
    for n in range(20):
        assert f"nobody{n}'" in json.loads(answers[n][2])["error"]["message"]


def test_good_requests_before_a_bad_one_are_answered(visitor):
    good = b"GET /v1/health HTTP/1.1\r\n" + HOST + b"\r\n"
    answers = parse(visitor.raw(good + good + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + good))
    assert [answer[0] for answer in answers] == [200, 200, 400]


def test_a_smuggled_request_is_not_seen(server, visitor):
    inner = b"GET /v1/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    visitor.raw(LOGIN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner)
    visitor.raw(LOGIN + b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n" + inner)
    assert "/v1/smuggled" not in server.log_text()


def test_head_with_a_body_leaves_the_connection_in_order(visitor):
    data = b"HEAD /v1/health HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"
    data += b"GET /v1/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    received = visitor.raw(data)
    assert received.count(b"HTTP/1.1 200 ") == 2 and received.endswith("👍".encode())


@pytest.mark.parametrize("target", [b"http://evil.example/v1/health", b"//evil.example/v1/health"])
def test_a_target_cannot_name_another_host(visitor, target):
    answers = parse(visitor.raw(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))
    assert len(answers) == 1 and answers[0][0] in (200, 400, 404)


def test_byte_by_byte_is_fine_but_not_for_ever(make_server):
    server = make_server({"http": {"header_timeout": "1s", "idle_timeout": "1s"}}).start()
    request = b"GET /v1/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for byte in request:
            connection.sendall(bytes([byte]))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")

    # given a byte every 200 ms, then the whole head has its deadline all the same
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        received, is_over = b"", False
        connection.settimeout(0.2)
        for byte in request * 3:
            try:
                connection.sendall(bytes([byte]))
                received = connection.recv(1000)
                is_over = True
            except TimeoutError:
                continue
            except OSError:
                is_over = True
            if is_over:
                break
        assert is_over
        assert received == b"" or received.startswith(b"HTTP/1.1 408 ")

    # and an idle connection is closed without a word
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        assert connection.recv(1000) == b""
    server.stop()


def test_connections_over_the_limit_wait_their_turn(make_server):
    server = make_server({"http": {"max_connections": "4"}}).start()
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(4)]
    for connection in held:
        connection.sendall(b"GET /v1/health HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    late = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    late.sendall(b"GET /v1/health HTTP/1.1\r\n" + HOST + b"\r\n")
    held[0].close()
    assert late.recv(1000).startswith(b"HTTP/1.1 200 ")
    for connection in held + [late]:
        connection.close()
    server.stop()


def test_random_bytes_never_get_through(server, visitor):
    import random

    randomness = random.Random(7)
    for _ in range(200):
        data = bytearray(b"POST /v1/accounts/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        for _ in range(randomness.randrange(1, 6)):
            data[randomness.randrange(len(data))] = randomness.randrange(256)
        with socket.create_connection((visitor.host, visitor.port), timeout=10) as connection:
            connection.sendall(bytes(data))
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        for status, _, body in parse(received):
            if status >= 400:
                json.loads(body)
    assert visitor.get("/v1/health").status == 200
