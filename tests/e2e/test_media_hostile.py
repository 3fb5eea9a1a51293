"""Uploads that mean harm, and clients that are slow or go away. After each the server still serves, and has not grown."""

import os
import re
import socket
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from images import MAKERS, form, gif, jpeg, png, webp
from server import PATIENCE, SANITIZED, Peak, eventually, http_worker, memory
from test_media import LIMIT, SITE, SIZE, TYPE, listed, object_files, path, paths, upload


MEDIA = {"store:media": {"driver": "dir", "folder": "objects"}, "plugin:media": {"enabled": "yes", "api_url": SITE}}


@pytest.fixture(scope="module")
def server(make_server):
    running = make_server(MEDIA).start()
    yield running
    running.stop()


# MiB that a worker may take for a while: a few of the largest bodies. AddressSanitizer keeps up to 256 of what was freed.
MEMORY = 512 if SANITIZED else 128


@pytest.fixture
def author(server):
    visitor = server.author()
    peak = Peak(http_worker(server))
    yield visitor
    assert peak.more() < MEMORY
    # then nothing of what was refused has been kept, and the next upload passes
    assert server.sql("SELECT count(*) FROM images WHERE NOT ready") == "0"
    assert len(object_files(server)) == int(server.sql("SELECT count(*) FROM images"))
    assert visitor.get(path(visitor, png())).status == 200


def post(author, body, content_type="multipart/form-data; boundary=b"):
    return author.post("/v1/assets/images", body, headers={"Content-Type": content_type})


def refused(answer, message="Request body is not a valid form"):
    assert answer.status == 400 and (answer.message == message or answer.message.startswith(message + ": ")), answer


HEAD = b'Content-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'


class TestForms:
    def test_a_million_parts(self, author):
        refused(post(author, b"--b\r\nContent-Disposition:form-data\r\n\r\n" * 800000 + b"--b--"), "The form has too many parts")
        refused(post(author, b"--b\r\n\r\n\r\n" * 1000000 + b"--b--"))

    def test_a_part_without_an_end(self, author):
        refused(post(author, b"--b\r\n" + HEAD + png(size=LIMIT)))
        refused(post(author, b"--b\r\n" + HEAD + png() + b"\r\n--b\r\n" + HEAD + png()))
        refused(post(author, b"--b\r\n" + HEAD))
        refused(post(author, b"--b"))

    def test_a_head_of_a_mebibyte(self, author):
        refused(post(author, b"--b\r\nX: " + b"x" * (1 << 20) + b"\r\n" + HEAD + png() + b"\r\n--b--"))
        refused(post(author, b"--b\r\n" + b"X: y\r\n" * 200000 + HEAD + png() + b"\r\n--b--"))

    def test_a_header_of_a_mebibyte(self, author):
        content_type, body = form([("f", "a.png", png())])
        for headers in ({"Content-Type": content_type + "; x=" + "x" * (1 << 20)}, {"Content-Type": content_type, "X": "x" * (1 << 20)}):
            assert author.post("/v1/assets/images", body, headers=headers).status == 431

    def test_a_body_without_an_end(self, server, author):
        # given a part that goes on and on, in chunks, so that no length tells how long it will be
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(
                f"POST /v1/assets/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {author.token}\r\n"
                "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            )
            chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            sent = 0
            try:
                while sent < 1 << 30:
                    connection.sendall(chunk)
                    sent += 65536
            except OSError:
                pass
            # then it is cut off behind the 33 MiB that a form may have, and what the systems' buffers hold
            assert sent < 256 << 20
            try:
                assert connection.recv(1000).startswith(b"HTTP/1.1 413")
            except ConnectionResetError:
                pass

    def test_bytes_that_are_nearly_a_boundary(self, author):
        # given 32 MiB in which every place looks like the boundary until its last byte
        boundary = "a" * 69 + "b"
        body = b"--" + boundary.encode() + b"\r\n" + HEAD + b"\r\n--" + b"a" * (32 << 20) + b"\r\n--" + boundary.encode() + b"--"
        answer = post(author, body, "multipart/form-data; boundary=" + boundary)
        refused(answer, SIZE)

    def test_more_than_a_form_may_have(self, author):
        # refused by its head; whoever goes on sending is cut off
        head = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(33 * 1024 * 1024 + 1)}
        assert author.post("/v1/assets/images", headers=head).status == 413

    def test_names_of_every_byte(self, author):
        for byte in range(256):
            name = b"a" + bytes([byte]) + b"b.png"
            answer = upload(author, (name, png()))
            if byte in (0, 10, 13, ord('"')):
                refused(answer)
            else:
                # an ASCII letter or digit stays, a space becomes '_', a dot starts another extension, all else goes
                kept = chr(byte).lower() if chr(byte).isalnum() and byte < 128 else "_" if chr(byte) in " _" else ""
                stem = f"a{kept}b"
                assert re.search(f"/{stem}_[0-9a-f-]{{36}}\\.png$", paths(answer)[0]), (byte, answer)

    def test_a_name_as_long_as_a_head(self, author):
        image = paths(upload(author, (b"x" * 8000 + b".png", png())))[0]
        assert re.search("/x{100}_", image)
        refused(upload(author, (b"x" * 8200 + b".png", png())))

    def test_a_name_that_would_leave_the_folder(self, server, author):
        for name in (b"../../../../etc/cron.d/x", b"/etc/passwd", b"....//....//x", b"%2e%2e%2fx", b"..\\..\\x", b"CON", b".htaccess"):
            image = paths(upload(author, (name, png())))[0]
            assert re.fullmatch(r"/v1/users/[^/]+/images/[a-z0-9_]*_[0-9a-f-]{36}\.png", image)


class TestImages:
    @pytest.mark.parametrize("kind", MAKERS)
    def test_what_is_a_page_or_an_archive_as_well(self, author, kind):
        image = MAKERS[kind]()
        for tail in (b"<script>alert(1)</script>", b"PK\x03\x04" + b"\0" * 100, b"\0\0\0PK", b"%PDF-1.4", b"\0" * 1000 + b"x"):
            # what is dropped is served to nobody
            assert author.get(path(author, (f"image.{kind}", image + tail))).body == image
        for head in (b"<html>", b"\0", b"GIF89a/*", b"#!/bin/sh\n"):
            refused(upload(author, (f"image.{kind}", head + image)), TYPE)

    def test_a_gif_that_is_a_script(self, author):
        refused(upload(author, ("a.gif", b"GIF89a/*\0\0\0\0\0*/=1;alert(1);//")), TYPE)
        refused(upload(author, ("a.gif", b"GIF89a=1;alert(1);")), TYPE)

    def test_a_script_inside_an_image_is_served_as_an_image(self, author):
        # what a format has room for is kept, so it must never be taken for a page
        image = gif(size=5000).replace(b"x" * 40, b"<html><script>alert(1)</script></html>xx")
        answer = author.get(path(author, ("a.html", image)), headers={"Accept": "text/html"})
        assert answer.body == image and answer.headers["content-type"] == "image/gif"
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["content-security-policy"] == "sandbox"

    def test_sizes_that_would_fill_a_viewers_memory(self, author):
        for bomb in (gif(1, 1, canvas=(65535, 65535)), jpeg(8, 8).replace(struct.pack(">HH", 8, 8), struct.pack(">HH", 65535, 65535)), webp(16384, 16384)):
            refused(upload(author, bomb), SIZE)
        head = struct.pack(">IIBBBBB", 0x7FFFFFFF, 0x7FFFFFFF, 16, 6, 0, 0, 0)
        bomb = png()
        bomb = bomb[:8] + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + bomb[33:]
        refused(upload(author, bomb), SIZE)

    def test_frames_that_never_end(self, author):
        for many in (gif(1, 1, frames=1001), png(1, 1, frames=1001), webp(1, 1, frames=1001)):
            refused(upload(author, many), SIZE)
        assert upload(author, gif(1, 1, frames=1000), png(1, 1, frames=1000)).status == 200

    def test_pixels_that_unpack_to_gigabytes(self, author):
        # given 2 KB of compressed pixels that are 1.5 MB, and text that unpacks to 100 MB: neither is unpacked
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * (100 << 20), 9))
        image = png(3500, 3500)
        assert paths(upload(author, image[:33] + text + image[33:]))

    @pytest.mark.parametrize("kind", MAKERS)
    def test_every_cut_is_refused(self, author, kind):
        image = MAKERS[kind]()
        # but where viewers show what has come: a GIF without its last byte, a JPEG with some of its pixels
        last = {"gif": len(image) - 1, "jpeg": len(image) - 2}.get(kind, len(image))
        for end in range(1, last):
            refused(upload(author, ("cut", image[:end])), TYPE)


@pytest.mark.ships
class TestClients:
    def begin(self, server, author, length, body):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        connection.sendall(
            f"POST /v1/assets/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {author.token}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n".encode() + body
        )
        return connection

    def test_one_that_stops_in_the_middle(self, server, author):
        content_type, body = form([("f", "a.png", png(size=100000))], boundary="b")
        for end in (0, 1, 50, 50000, len(body) - 1):
            self.begin(server, author, len(body), body[:end]).close()
        with self.begin(server, author, len(body), body[:-1]) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert not connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert listed(author) == []

    def test_one_that_goes_as_soon_as_it_has_sent(self, server, author):
        content_type, body = form([("f", f"{n}.png", png(size=LIMIT)) for n in range(8)], boundary="b")
        for _ in range(5):
            connection = self.begin(server, author, len(body), body)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        # then each upload is there as a whole or not at all, and what is left behind has rows for the sweep
        def settled():
            first = server.sql("SELECT count(*), count(*) FILTER (WHERE ready) FROM images")
            time.sleep(0.5)
            return first == server.sql("SELECT count(*), count(*) FILTER (WHERE ready) FROM images")

        eventually(settled)
        assert len(listed(author)) % 8 == 0
        known = set(server.sql("SELECT user_id || '/images/' || file FROM images").splitlines())
        assert set(object_files(server)) <= known
        server.sql("UPDATE images SET created_at = now() - interval '2 hours' WHERE NOT ready")
        assert server.run("media", "fsck", "--repair").returncode == 0

    def test_one_that_leaves_a_download(self, server, author):
        image = path(author, jpeg(size=LIMIT))
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
                connection.sendall(f"GET {image} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert author.get(image).body == jpeg(size=LIMIT)

    def test_many_uploads_at_once(self, server, author):
        data = {kind: MAKERS[kind](size=LIMIT) for kind in MAKERS}
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: (n, upload(author, data[list(MAKERS)[n % 4]])), range(40)))
        for n, answer in answers:
            image = paths(answer)[0]
            assert image.endswith("." + list(MAKERS)[n % 4])
        assert author.get(paths(answers[7][1])[0]).body == data["webp"]

    def test_the_memory_of_many_uploads_is_given_back(self, server, author):
        worker = http_worker(server)
        before = memory(worker)
        data = png(size=LIMIT)
        with ThreadPoolExecutor(40) as pool:
            for answer in pool.map(lambda _: upload(author, data), range(80)):
                paths(answer)
        # AddressSanitizer gives nothing back
        eventually(lambda: memory(worker) < before + (MEMORY if SANITIZED else 8))

    def test_slow_readers_hold_nobody_up_and_no_memory(self, make_server):
        # given a server without what AddressSanitizer keeps of freed memory, which would count as well
        server = make_server(MEDIA).start(env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"})
        author = server.author()
        image = path(author, jpeg(size=LIMIT))
        peak = Peak(http_worker(server))
        readers = []
        for _ in range(100):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connection.settimeout(PATIENCE)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(f"GET {image} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            readers.append(connection)
        for connection in readers:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        # then others are served while a hundred images of 2 MiB are under way, and not one of them has arrived
        assert author.get("/v1/health").status == 200
        for connection in readers[:5]:
            received = b""
            while chunk := connection.recv(1 << 20):
                received += chunk
            assert received.endswith(jpeg(size=LIMIT)[-1000:]) and len(received) >= LIMIT
        # and only a small part of them has been held
        assert peak.more() < 100
        for connection in readers:
            connection.close()
        server.stop()
