"""Images while the storage is away, refuses, stalls or breaks off. The storage is a few lines of Python that speak enough
of S3 to be told what to do wrong; what is right is tested on a real one in test_media.py."""

import http.client
import http.server
import os
import re
import secrets
import signal
import socket
import socketserver
import threading
import time
import urllib.parse

import pytest

from images import jpeg, png
from server import PATIENCE, eventually, http_worker
from test_media import LIMIT, SITE, listed, media_server, paths, upload

BUCKET = "pictures"


class FakeS3(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Keeps objects in a dictionary. `wrong` maps a method to a function that is given the handler and its key, and returns
    True when it has done something of its own. Signatures are not looked at."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port=0):
        self.objects, self.wrong, self.calls, self.connections = {}, {}, [], set()
        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        pass

    def vanish(self):
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def come_back(self):
        other = FakeS3(self.server_port)
        other.objects = self.objects
        return other


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode(), [("Content-Type", "application/xml")])

    def serve(self):
        # What is sent is read as it comes, the body before anything else.
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        key = path.removeprefix(f"/{BUCKET}/")
        self.server.calls.append((self.command, key))
        wrong = self.server.wrong.get(self.command)
        if wrong and wrong(self, key):
            return
        getattr(self, "serve_" + self.command)(key)

    def serve_PUT(self, key):
        self.server.objects[key] = (self.body, self.headers.get("Content-Type"))
        self.answer(200, headers=[("ETag", '"1"')])

    def serve_DELETE(self, key):
        self.server.objects.pop(key, None)
        self.answer(204)

    def head(self, key):
        """(status, headers, bytes) of what is asked for; None when it is not there."""
        if key not in self.server.objects:
            self.refuse(404, "NoSuchKey")
            return None
        data, kind = self.server.objects[key]
        headers = [("ETag", '"1"'), ("Content-Type", kind), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")]
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not found:
            return 200, headers, data
        first, last = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        return 206, [*headers, ("Content-Range", f"bytes {first}-{last}/{len(data)}")], data[first : last + 1]

    def list(self, query):
        """All keys of a prefix behind a key; such a bucket has one page."""
        found = ""
        for key in sorted(self.server.objects):
            if key.startswith(query.get("prefix", "")) and key > query.get("start-after", ""):
                size = len(self.server.objects[key][0])
                found += f"<Contents><Key>{key}</Key><LastModified>1994-11-06T08:49:37.000Z</LastModified><ETag>1</ETag><Size>{size}</Size></Contents>"
        self.answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode())

    def serve_GET(self, key):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        if "list-type" in query:
            return self.list(query)
        found = self.head(key)
        if found:
            status, headers, data = found
            self.answer(status, data, headers)
        return None

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = serve
    serve_HEAD = serve_GET


@pytest.fixture
def storage():
    fake = FakeS3()
    yield fake
    fake.vanish()


@pytest.fixture
def server(make_server, storage, request):
    """Its stall_timeout is longer than whatever a test does while the storage waits, or `a_stall_is_a_second`."""
    store = {
        "driver": "s3", "endpoint": f"http://127.0.0.1:{storage.server_port}", "bucket": BUCKET, "path_style": "yes",
        "access_key": "a", "secret_key": "b", "stall_timeout": getattr(request, "param", "60s"), "connect_timeout": "1s",
    }  # fmt: skip
    running = make_server({"store:media": store, "plugin:media": {"enabled": "yes", "api_url": SITE}}).start()
    yield running
    running.stop()


a_stall_is_a_second = pytest.mark.parametrize("server", ["1s"], indirect=True, scope="function")


@pytest.fixture
def author(server):
    return server.author()


def for_ever():
    threading.Event().wait()


def unavailable(answer):
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json["error"]["type"] == "Service Unavailable"
    assert "immutable" not in answer.headers.get("cache-control", "")


def rows(server):
    return server.sql("SELECT count(*) FROM images")


class TestAway:
    def test_everything_is_503_and_comes_back(self, server, storage, author):
        image = paths(upload(author, png()))[0]
        storage.vanish()
        unavailable(author.get(image))
        unavailable(upload(author, png(), png()))
        unavailable(author.delete(image))
        # then what needs no storage works: lists, and images that have not changed
        assert [item["url"] for item in listed(author)] == [SITE + image]
        tag = f"\"{server.sql('SELECT encode(sha256, $$hex$$) FROM images WHERE ready')}\""
        assert author.get(image, headers={"If-None-Match": tag}).status == 304
        back = storage.come_back()
        try:
            eventually(lambda: author.get(image).status == 200)
            assert author.get(image).body == png()
            assert author.delete(image).status == 204
            assert len(paths(upload(author, png(), png()))) == 2
        finally:
            back.vanish()

    def test_what_an_outage_left_is_swept(self, server, storage, author):
        # given an upload that the storage took in, and then could neither confirm nor take back
        def take_and_vanish(handler, key):
            handler.server.objects[key] = (handler.body, "image/png")
            handler.close_connection = True
            handler.connection.close()
            threading.Thread(target=handler.server.vanish).start()
            return True

        storage.wrong["PUT"] = take_and_vanish
        unavailable(upload(author, png()))
        assert len(storage.objects) == 1
        assert server.sql("SELECT count(*) FROM images WHERE NOT ready") == "1" and listed(author) == []
        back = storage.come_back()
        try:
            # then nothing happens within an hour, for it might be an upload under way
            assert server.run("jobs", "run", "media", "sweep").returncode == 0
            assert len(back.objects) == 1 and rows(server) == "1"
            server.sql("UPDATE images SET created_at = now() - interval '61 minutes'")
            result = server.run("jobs", "run", "media", "sweep")
            assert result.returncode == 0, result.stderr
            assert back.objects == {} and rows(server) == "0"
        finally:
            back.vanish()

    @a_stall_is_a_second
    def test_a_stalled_storage_is_503(self, server, storage, author):
        image = paths(upload(author, png()))[0]
        storage.wrong["GET"] = lambda handler, key: for_ever()
        unavailable(author.get(image))
        assert author.get("/v1/health").status == 200

    def test_an_overloaded_storage_is_503(self, storage, author):
        image = paths(upload(author, png()))[0]
        for method in ("GET", "PUT", "DELETE"):
            storage.wrong[method] = lambda handler, key: handler.refuse(503, "SlowDown") or True
        unavailable(author.get(image))
        unavailable(upload(author, png()))
        unavailable(author.delete(image))


class TestRefused:
    def test_what_the_storage_refuses_is_502(self, server, storage, author):
        image = paths(upload(author, png()))[0]
        for method in ("GET", "PUT", "DELETE"):
            storage.wrong[method] = lambda handler, key: handler.refuse(403, "AccessDenied") or True
        for answer in (author.get(image), upload(author, png()), author.delete(image)):
            assert (answer.status, answer.message) == (502, "The storage refused the request")
            assert "AccessDenied" not in answer.body.decode() and BUCKET not in answer.body.decode()
        assert len(listed(author)) == 1

    def test_an_object_that_is_gone_is_404(self, storage, author):
        image = paths(upload(author, png()))[0]
        storage.objects.clear()
        answer = author.get(image)
        assert (answer.status, answer.message) == (404, "Image not found")

    def test_an_object_of_another_size_is_502(self, storage, author):
        image = paths(upload(author, png()))[0]
        for key in storage.objects:
            storage.objects[key] = (png() + b"x", "image/png")
        assert author.get(image).status == 502

    @pytest.mark.parametrize("failing", range(4))
    def test_a_failure_in_the_middle_leaves_nothing(self, server, storage, author, failing):
        count = []

        def fail_one(handler, key):
            count.append(key)
            return len(count) == failing + 1 and (handler.refuse(403, "AccessDenied") or True)

        storage.wrong["PUT"] = fail_one
        answer = upload(author, *[png()] * 4)
        assert answer.status == 502
        assert storage.objects == {} and rows(server) == "0" and listed(author) == []

    def test_a_database_that_fails_leaves_no_object(self, server, storage, author):
        server.sql("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
        server.sql("CREATE TRIGGER no BEFORE UPDATE ON images FOR EACH STATEMENT EXECUTE FUNCTION no()")
        assert upload(author, png(), png()).status == 500
        assert storage.objects == {} and rows(server) == "0"
        server.sql("DROP TRIGGER no ON images")
        server.sql("CREATE TRIGGER no BEFORE INSERT ON images FOR EACH STATEMENT EXECUTE FUNCTION no()")
        assert upload(author, png(), png()).status == 500
        assert storage.objects == {} and not any(method == "PUT" for method, key in storage.calls[len(storage.calls) - 1 :])


    def test_a_worker_that_is_killed_half_way(self, server, storage, author):
        # given a storage that does not answer to the third of four images
        arrived, go_on = threading.Event(), threading.Event()

        def hold_the_third(handler, key):
            if sum(method == "PUT" for method, _ in storage.calls) == 3:
                arrived.set()
                go_on.wait(PATIENCE)
            return False

        storage.wrong["PUT"] = hold_the_third
        thread = threading.Thread(target=lambda: pytest.raises(OSError, upload, author, *[png()] * 4))
        thread.start()
        assert arrived.wait(PATIENCE)
        # when the worker is killed, and the storage takes that image in all the same
        os.kill(http_worker(server), signal.SIGKILL)
        thread.join()
        go_on.set()
        eventually(lambda: len(storage.objects) == 3)
        eventually(lambda: author.get("/v1/health").status == 200)
        # then there is no image, and later nothing left of them
        assert listed(author) == [] and rows(server) == "4"
        server.sql("UPDATE images SET created_at = now() - interval '61 minutes'")
        assert server.run("media", "fsck", "--repair").returncode == 0
        assert storage.objects == {} and rows(server) == "0"


    def test_a_folder_that_cannot_be_used(self, make_server):
        # given a file in its place
        server = media_server(make_server, "dir")
        author = server.author()
        image = paths(upload(author, png()))[0]
        folder = server.folder / "objects"
        folder.rename(folder.with_name("elsewhere"))
        folder.write_text("no folder")
        # then images are neither served nor taken, and it is as it was when the folder is back
        for answer in (author.get(image), upload(author, png(), png()), author.delete(image)):
            assert answer.status in (502, 503) and str(folder) not in answer.body.decode(), answer
        assert [item["url"] for item in listed(author)] == [SITE + image]
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
        assert author.get(image).body == png()
        server.sql("UPDATE images SET created_at = now() - interval '61 minutes'")
        assert server.run("media", "fsck", "--repair").returncode == 0
        assert rows(server) == "1" and author.delete(image).status == 204
        server.stop()

    def test_a_user_who_goes_while_the_images_are_stored(self, server, storage, author):
        def and_delete_the_user(handler, key):
            server.sql("DELETE FROM accounts")
            return False

        storage.wrong["PUT"] = and_delete_the_user
        answer = upload(author, png(), png())
        assert (answer.status, answer.message) == (403, "The user does not exist any more")
        assert storage.objects == {} and rows(server) == "0"
        storage.calls.clear()
        assert upload(author, png()).status == 403
        assert storage.calls == []


class TestFsck:
    def test_old_objects_without_image_are_removed_from_a_bucket(self, server, storage, author):
        upload(author, png(), png())
        orphan, kept = sorted(storage.objects)
        server.sql(f"DELETE FROM images WHERE file = '{orphan.rsplit('/', 1)[1]}'")
        result = server.run("media", "fsck", "--repair")
        assert result.returncode == 0 and f"object without image: {orphan} ({len(png())} bytes), removed\n" in result.stdout
        assert set(storage.objects) == {kept} and rows(server) == "1"

    def test_a_repair_that_fails_is_told(self, server, storage, author):
        upload(author, png())
        server.sql("DELETE FROM images")
        storage.wrong["DELETE"] = lambda handler, key: handler.refuse(403, "AccessDenied") or True
        result = server.run("media", "fsck", "--repair")
        assert result.returncode == 1 and ", could not be removed\n" in result.stdout

    @pytest.mark.parametrize("what, told", [("refuses", "the storage refused the request"), ("is away", "the storage cannot be reached")])
    def test_a_storage_that_cannot_be_asked_proves_nothing(self, server, storage, author, what, told):
        upload(author, png())
        storage.objects.clear()
        if what == "is away":
            storage.vanish()
        storage.wrong["GET"] = storage.wrong["HEAD"] = lambda handler, key: handler.refuse(403, "AccessDenied") or True
        result = server.run("media", "fsck", "--repair")
        assert result.returncode == 1 and told in result.stderr
        assert rows(server) == "1"


class TestBroken:
    DATA = jpeg(size=LIMIT)

    @pytest.fixture
    def image(self, author):
        return paths(upload(author, self.DATA))[0]

    def partly(self, handler, key, send, then):
        """Promises everything, sends a part, and then … Whoever asks again, from where it broke off, gets nothing."""
        if sum(method == "GET" for method, _ in handler.server.calls) > 1:
            then(handler, b"")
            handler.close_connection = True
            return True
        status, headers, data = handler.head(key)
        handler.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(data)))]:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data[:send])
        handler.wfile.flush()
        then(handler, data[send:])
        handler.close_connection = True
        return True

    def read_broken(self, server, image):
        """The bytes that came; fails when they pass for a whole image."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("GET", image)
        response = connection.getresponse()
        assert response.status == 200 and int(response.getheader("Content-Length")) == len(self.DATA)
        received = b""
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            while chunk := response.read1(65536):
                received += chunk
            if len(received) < len(self.DATA):
                raise http.client.IncompleteRead(received)
        connection.close()
        assert len(received) < len(self.DATA) and self.DATA.startswith(received)
        return received

    @pytest.mark.parametrize("send", [1, 1000, 300000])
    def test_a_storage_that_breaks_off(self, server, storage, author, image, send):
        storage.wrong["GET"] = lambda handler, key: self.partly(handler, key, send, lambda h, rest: h.connection.close())
        self.read_broken(server, image)
        # then the next one is whole
        storage.wrong.clear()
        assert author.get(image).body == self.DATA

    def test_a_storage_that_breaks_off_once_is_asked_for_the_rest(self, storage, author, image):
        storage.wrong["GET"] = lambda handler, key: (
            sum(method == "GET" for method, _ in storage.calls) == 1
            and self.partly(handler, key, 100000, lambda h, rest: h.connection.close())
        )
        assert author.get(image).body == self.DATA

    @a_stall_is_a_second
    def test_a_storage_that_stalls_in_the_middle(self, server, storage, author, image):
        storage.wrong["GET"] = lambda handler, key: self.partly(handler, key, 100000, lambda h, rest: for_ever())
        self.read_broken(server, image)

    def test_a_storage_that_goes_between_two_slices(self, server, storage, author, image):
        def after_the_first(handler, key):
            return not handler.headers["Range"].startswith("bytes=0-") and (handler.refuse(403, "AccessDenied") or True)

        storage.wrong["GET"] = after_the_first
        assert len(self.read_broken(server, image)) > 100000

    def test_a_reset_is_seen_even_by_clients_that_ignore_the_length(self, server, storage, image):
        storage.wrong["GET"] = lambda handler, key: self.partly(handler, key, 100000, lambda h, rest: h.connection.close())
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(f"GET {image} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            with pytest.raises(ConnectionResetError):
                while connection.recv(65536):
                    pass

    def test_the_first_bytes_go_out_before_the_last_have_left_the_storage(self, server, storage, image):
        arrived = threading.Event()
        storage.wrong["GET"] = lambda handler, key: (
            sum(method == "GET" for method, _ in storage.calls) == 1
            and self.partly(handler, key, 20000, lambda h, rest: (arrived.wait(PATIENCE), h.wfile.write(rest), h.wfile.flush()))
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(f"GET {image} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while len(received) < 20000:
                received += connection.recv(65536)
            arrived.set()
            while chunk := connection.recv(1 << 20):
                received += chunk
        assert received.partition(b"\r\n\r\n")[2] == self.DATA

    def test_more_slow_readers_than_connections_to_the_storage(self, make_server, storage):
        store = {
            "driver": "s3", "endpoint": f"http://127.0.0.1:{storage.server_port}", "bucket": BUCKET, "path_style": "yes",
            "access_key": "a", "secret_key": "b", "connections": "2", "stall_timeout": "1s",
        }  # fmt: skip
        server = make_server({"store:media": store, "plugin:media": {"enabled": "yes", "api_url": SITE}}).start()
        author = server.author()
        image = paths(upload(author, self.DATA))[0]
        readers = []
        for _ in range(20):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connection.settimeout(PATIENCE)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(f"GET {image} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            readers.append(connection)
        for connection in readers:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        # then others get theirs, and upload, while these take nothing
        assert author.get(image).body == self.DATA
        assert len(paths(upload(author, png()))) == 1
        received = b""
        while chunk := readers[-1].recv(1 << 20):
            received += chunk
        assert received.endswith(self.DATA[-100000:])
        for connection in readers:
            connection.close()
        server.stop()

    @a_stall_is_a_second
    def test_a_reader_that_takes_nothing_is_not_fetched_for(self, server, storage, author):
        # given an image far larger than what is held for a visitor, in the storage and in its row
        image = paths(upload(author, png()))[0]
        size = 40 << 20
        key = next(iter(storage.objects))
        storage.objects[key] = (secrets.token_bytes(1 << 20) * 40, "image/png")
        server.sql(f"UPDATE images SET size = {size}")
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connection.settimeout(PATIENCE)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(f"GET {image} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            fetched = lambda: sum(method == "GET" for method, _ in storage.calls)  # noqa: E731
            eventually(lambda: fetched() > 0)
            # until nothing has been fetched for longer than a stall may be
            before, since = fetched(), time.monotonic()
            while time.monotonic() < since + 1.5:
                time.sleep(0.05)
                if fetched() != before:
                    before, since = fetched(), time.monotonic()
            assert before < 40
            received = 0
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        assert received > size and fetched() > before
