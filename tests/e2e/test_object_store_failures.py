"""A real S3 server that is stopped, frozen, or reached over a wire that breaks in the middle: nothing passes for whole that is
not, nothing is left behind, and it works again by itself. A server that answers errors is in tests/unit/objects."""

import concurrent.futures
import http.client
import os
import secrets
import tempfile
import urllib.parse

import pytest

from server import PATIENCE, eventually
from storage import OwnS3, Shelf, Wire, keys_in, new_bucket, s3_section, unfinished

MIB = 1 << 20
SHORT = {"stall_timeout": "3s", "connect_timeout": "3s"}
BLOCK = secrets.token_bytes(MIB)


@pytest.fixture(scope="module")
def s3(run_folder):
    own = OwnS3(tempfile.mkdtemp(prefix="s3", dir=run_folder))
    yield own
    own.end()


@pytest.fixture(scope="module")
def shelf(make_server, s3):
    made = Shelf(make_server, s3_section(s3.bucket, s3.keys, s3.endpoint, **SHORT))
    yield made
    made.server.stop()


def everything(shelf):
    """The statuses of every call of the object store, all at once."""
    calls = (
        lambda: shelf.put("new", b"new"),
        lambda: shelf.stream("large", BLOCK, times=9),
        lambda: shelf.ask("GET", "object", key="kept").status,
        lambda: shelf.get("kept").status,
        lambda: shelf.ask("GET", "head", key="kept").status,
        lambda: shelf.ask("GET", "list", prefix="").status,
        lambda: shelf.ask("POST", "copy", key="kept", to="copied").status,
        lambda: shelf.ask("DELETE", "object", key="not there").status,
    )
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return {future.result() for future in [pool.submit(call) for call in calls]}


class TestAway:
    def test_a_stopped_server_is_unavailable_and_comes_back(self, s3, shelf):
        assert shelf.put("kept", b"kept") == 204 and shelf.ask("DELETE", "object", key="new").status == 204
        s3.kill()
        assert everything(shelf) == {503}
        assert shelf.server.client().get("/v1/health").status == 200
        s3.start()
        assert "new" not in keys_in(s3.client, s3.bucket) and unfinished(s3.client, s3.bucket) == []
        eventually(lambda: shelf.get("kept").status == 200)
        assert everything(shelf) == {200, 204}
        assert shelf.get("large").body == BLOCK * 9

    def test_a_server_whose_program_is_slow_to_begin_is_waited_for(self, s3, tmp_path):
        # given a machine so busy that a process takes a while to become the program that it is to run
        slow = tmp_path / "setsid"
        slow.write_text('#!/bin/sh\nsleep 0.3\nexec /usr/bin/setsid "$@"\n')
        slow.chmod(0o755)
        s3.run("stop-s3")
        s3.start(PATH=f"{tmp_path}:{os.environ['PATH']}")
        # then it answers where it did, and no other one was started
        assert s3.client.list_buckets()["Buckets"]
        assert s3.endpoint in s3.run("env").stdout

    def test_a_frozen_server_is_unavailable_and_comes_back(self, s3, shelf):
        assert shelf.put("kept", b"kept") == 204 and shelf.stream("large", BLOCK, times=9) == 204
        assert shelf.ask("DELETE", "object", key="new").status == 204
        s3.freeze()
        try:
            assert everything(shelf) == {503}
            assert shelf.server.client().get("/v1/health").status == 200
            assert "it has stalled" in shelf.server.log_text()
        finally:
            s3.thaw()
        # then what it was asked meanwhile it may do now; each of it whole
        eventually(lambda: shelf.put("kept", b"kept") == 204)
        answer = shelf.get("new")
        assert answer.status == 404 or answer.body == b"new"
        assert shelf.get("large").body == BLOCK * 9

        def is_clean():
            shelf.ask("POST", "sweep", prefix="", seconds=1)
            return unfinished(s3.client, s3.bucket) == []

        eventually(is_clean)
        assert everything(shelf) == {200, 204}

    def test_a_server_that_goes_during_a_download_breaks_the_connection(self, s3, shelf):
        size = 20 * MIB
        assert shelf.stream("going", BLOCK, times=20) == 204
        connection = http.client.HTTPConnection("127.0.0.1", shelf.server.port, timeout=PATIENCE)
        connection.request("GET", "/shelf/stream?key=going")
        response = connection.getresponse()
        assert int(response.getheader("Content-Length")) == size
        received = response.read(1000)
        s3.kill()
        try:
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                while chunk := response.read1(65536):
                    received += chunk
                if len(received) < size:
                    raise http.client.IncompleteRead(received)
            assert (BLOCK * 20).startswith(received)
        finally:
            connection.close()
            s3.start()
        eventually(lambda: shelf.get("going").status == 200)
        assert shelf.get("going").body == BLOCK * 20


@pytest.fixture(scope="module")
def wired(make_server, s3):
    """A shelf whose storage is at the other end of a wire."""
    wire = Wire(s3.endpoint)
    bucket = new_bucket(s3.client)
    made = Shelf(make_server, s3_section(bucket, s3.keys, wire.endpoint))
    made.wire, made.client, made.bucket = wire, s3.client, bucket
    yield made
    made.server.stop()
    wire.end()


def stored(shelf, key):
    """What is there, as boto3 has it; None for nothing."""
    return shelf.client.get_object(Bucket=shelf.bucket, Key=key)["Body"].read() if key in keys_in(shelf.client, shelf.bucket) else None


class TestBrokenWire:
    @pytest.mark.parametrize("way", ["up", "down"])
    @pytest.mark.parametrize("passed", [1, 200, 100_000, 600_000])
    def test_a_put_that_breaks_once_is_repeated_whole(self, wired, way, passed):
        key = f"once {way} {passed}"
        wired.wire.cut(**{way: passed if way == "up" else min(passed, 200)}, left=1)
        assert wired.put(key, BLOCK) == 204
        assert wired.wire.seen == 1
        assert stored(wired, key) == BLOCK

    @pytest.mark.parametrize("passed", [1, 100_000])
    def test_a_put_that_always_breaks_on_its_way_leaves_nothing(self, wired, passed):
        wired.wire.cut(up=passed)
        assert wired.put("never", BLOCK) == 503
        wired.wire.cut()
        assert stored(wired, "never") is None

    @pytest.mark.parametrize("passed", [100_000, 3 * MIB, 7 * MIB, 8 * MIB + 500_000])
    def test_a_stream_that_breaks_once_is_whole(self, wired, passed):
        wired.wire.cut(up=passed, left=1)
        assert wired.stream("stream", BLOCK, times=9) == 204
        assert wired.wire.seen == 1
        assert stored(wired, "stream") == BLOCK * 9
        assert unfinished(wired.client, wired.bucket) == []

    @pytest.mark.parametrize("passed", [100_000, 3 * MIB])
    def test_a_stream_that_always_breaks_leaves_nothing(self, wired, passed):
        wired.wire.cut(up=passed)
        assert wired.stream("half", BLOCK, times=9) == 503
        eventually(lambda: unfinished(wired.client, wired.bucket) == [])
        wired.wire.cut()
        assert stored(wired, "half") is None

    @pytest.mark.parametrize("passed", range(100, 2000, 190))
    def test_a_lost_answer_is_never_half_an_object(self, wired, passed):
        # given that the answer to any of the steps of a stream is lost: its beginning, a part, its end, the look at it
        key = f"lost {passed}"
        wired.wire.cut(down=passed, left=1)
        status = wired.stream(key, BLOCK, times=9)
        wired.wire.cut()
        # then it is there whole, or an error; only of an upload that began unheard something is left, to be swept
        assert status in (204, 503)
        assert stored(wired, key) == (BLOCK * 9 if status == 204 else None)
        if status == 503:
            assert "POST lost" in wired.server.log_text()

        def is_clean():
            assert wired.ask("POST", "sweep", prefix=key, seconds=1).status == 204
            return unfinished(wired.client, wired.bucket) == []

        eventually(is_clean)

    @pytest.mark.parametrize("passed", [100, 2000, 500_000])
    def test_a_download_that_breaks_once_is_whole(self, wired, passed):
        wired.client.put_object(Bucket=wired.bucket, Key="read", Body=BLOCK)
        wired.wire.cut(down=passed, left=1)
        assert wired.get("read").body == BLOCK
        assert wired.wire.seen == 1

    def test_a_download_that_always_breaks_is_never_whole(self, wired):
        wired.client.put_object(Bucket=wired.bucket, Key="read", Body=BLOCK)
        wired.wire.cut(down=50_000)
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            wired.get("read")
        assert wired.ask("GET", "object", key="read").status == 503
        wired.wire.cut()
        assert wired.get("read").body == BLOCK

    def test_a_visitor_who_goes_in_the_middle_leaves_no_upload(self, wired):
        query = urllib.parse.urlencode({"key": "left", "times": 500})
        connection = http.client.HTTPConnection("127.0.0.1", wired.server.port, timeout=PATIENCE)
        connection.request("PUT", "/shelf/stream?" + query, BLOCK)
        eventually(lambda: unfinished(wired.client, wired.bucket), every=0.01)
        connection.sock.close()
        eventually(lambda: unfinished(wired.client, wired.bucket) == [])
        assert stored(wired, "left") is None
