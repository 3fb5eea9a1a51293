"""Object storage as a plugin uses it, on both drivers, looked at from outside: boto3 and curl on a bucket, the file system on a
folder. Storage that fails is in test_object_store_failures.py."""

import hashlib
import secrets
import subprocess
import time

import pytest

from server import eventually
from storage import Shelf, keys_in, new_bucket, s3_client, s3_section, unfinished

MIB = 1 << 20
ODD_KEYS = (
    "plain", "a b+c", "a/b//c/", "/leading", "%41%2f", "?x=1&y=2#z", "ü€👍", "(1)'!*@=&$,:;~.png", "a\\b", '"<&>', " blank ",
    "%" * 1024,
)  # fmt: skip


@pytest.fixture(scope="module", params=["dir", "s3"])
def shelf(request, make_server):
    client = s3_client() if request.param == "s3" else None
    bucket = new_bucket(client) if client else None
    made = Shelf(make_server, s3_section(bucket) if client else {"driver": "dir", "folder": "objects"})
    made.client, made.bucket = client, bucket
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def bucket(make_server):
    """As `shelf`, for what a folder does not have."""
    client = s3_client()
    name = new_bucket(client)
    made = Shelf(make_server, s3_section(name))
    made.client, made.bucket = client, name
    yield made
    made.server.stop()


def curl(*words):
    """(status, body) as the program curl has them."""
    command = ["curl", "-sS", "--path-as-is", "--max-time", "30", "-w", "\n%{http_code}", *words]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    body, _, status = said.rpartition(b"\n")
    return int(status), body


class TestBothDrivers:
    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_any_key_holds_any_bytes(self, shelf, key):
        data = bytes(range(256)) * 300
        assert shelf.put(key, data) == 204
        assert shelf.get(key).body == data
        assert shelf.ask("GET", "head", key=key).json["size"] == len(data)
        assert shelf.ask("POST", "copy", key=key, to="copy of it").status == 204
        assert shelf.get("copy of it").body == data
        assert [item["key"] for item in shelf.list(prefix=key)["items"]] == [key]
        assert shelf.ask("DELETE", "object", key=key).status == 204
        assert shelf.get(key).status == 404

    def test_a_stream_of_unknown_length_comes_back_whole_and_in_ranges(self, shelf):
        block = secrets.token_bytes(MIB)
        assert shelf.stream("stream", block, times=17) == 204
        whole = shelf.get("stream")
        assert hashlib.sha256(whole.body).digest() == hashlib.sha256(block * 17).digest()
        for offset, length in ((0, 1), (8 * MIB - 2, 5), (17 * MIB - 1, 1), (7, 9 * MIB)):
            assert shelf.get("stream", offset=offset, length=length).body == (block * 17)[offset : offset + length]
        assert shelf.get("stream", offset=17 * MIB, length=1).status == 500

    def test_type_and_size_are_told(self, shelf):
        began = time.time()
        assert shelf.put("typed", b"12345", type="image/webp", cache="no-store") == 204
        about = shelf.ask("GET", "head", key="typed").json
        assert (about["size"], about["type"]) == (5, "image/webp")
        assert began - 60 < about["modified"] / 1e6 < time.time() + 60
        assert shelf.get("typed").headers["content-type"] == "image/webp"

    def test_lists_are_paged_in_order(self, shelf):
        names = [f"page/{n % 7}/{n:03}" for n in range(50)]
        for name in names:
            assert shelf.put(name, b"") == 204
        seen, page = [], {"next": None}
        while True:
            page = shelf.list(prefix="page/", limit=9, **({"after": page["next"]} if page["next"] else {}))
            seen += [item["key"] for item in page["items"]]
            if not page["next"]:
                break
            assert len(page["items"]) == 9
        assert seen == sorted(names)


class TestBucket:
    def test_boto3_reads_what_was_put_and_streamed(self, bucket):
        data, block = secrets.token_bytes(300_000), secrets.token_bytes(MIB)
        assert bucket.put("put", data, type="text/x-put", cache="max-age=7") == 204
        assert bucket.stream("streamed", block, times=9, type="text/x-stream", cache="private") == 204
        assert bucket.ask("POST", "copy", key="streamed", to="copied", type="text/x-copy").status == 204
        for key, expected, kind, cache in (
            ("put", data, "text/x-put", "max-age=7"),
            ("streamed", block * 9, "text/x-stream", "private"),
            ("copied", block * 9, "text/x-copy", None),
        ):
            found = bucket.client.get_object(Bucket=bucket.bucket, Key=key)
            assert found["Body"].read() == expected
            assert (found["ContentType"], found.get("CacheControl")) == (kind, cache)
        assert unfinished(bucket.client, bucket.bucket) == []

    def test_what_boto3_put_is_read(self, bucket):
        for key in ODD_KEYS:
            bucket.client.put_object(Bucket=bucket.bucket, Key="b/" + key[:1000], Body=key.encode(), ContentType="a/b")
        for key in ODD_KEYS:
            answer = bucket.get("b/" + key[:1000])
            assert (answer.body.decode(), answer.headers["content-type"]) == (key, "a/b")
        found = [item["key"] for item in bucket.list(prefix="b/")["items"]]
        assert found == sorted(("b/" + key[:1000] for key in ODD_KEYS), key=str.encode)

    @pytest.mark.parametrize("how", ["put", "stream"])
    def test_public_objects_are_anybodys_and_others_are_not(self, bucket, how):
        block = secrets.token_bytes(9 * MIB)
        send = bucket.put if how == "put" else bucket.stream
        assert send(f"open {how}", block, public=1, type="image/png") == 204
        assert send(f"closed {how}", block) == 204
        url = {name: bucket.ask("GET", "urls", key=f"{name} {how}").json["plain"] for name in ("open", "closed")}
        assert curl(url["open"]) == (200, block)
        assert curl(url["closed"])[0] == 403
        grants = bucket.client.get_object_acl(Bucket=bucket.bucket, Key=f"closed {how}")["Grants"]
        assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL"]
        # then replacing makes it private again, and copying asks anew
        assert bucket.put(f"open {how}", b"now mine") == 204
        assert curl(url["open"])[0] == 403


class TestPresigned:
    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_curl_reads_and_writes_by_a_signed_url(self, bucket, key):
        assert bucket.put(key, b"signed") == 204
        url = bucket.ask("GET", "urls", key=key).json
        assert curl(url["plain"])[0] == 403
        assert curl(url["get"]) == (200, b"signed")
        assert curl("-X", "PUT", "-H", "Content-Type: text/x-sent", "--data-binary", "sent", url["put"])[0] == 200
        found = bucket.client.get_object(Bucket=bucket.bucket, Key=key)
        assert (found["Body"].read(), found["ContentType"]) == (b"sent", "text/x-sent")

    def test_a_url_is_good_for_its_method_and_its_object_alone(self, bucket):
        assert bucket.put("mine", b"mine") == 204 and bucket.put("other", b"other") == 204
        url = bucket.ask("GET", "urls", key="mine").json
        assert curl("-X", "PUT", "--data-binary", "x", url["get"])[0] == 403
        assert curl("-X", "DELETE", url["put"])[0] == 403
        assert curl(url["get"].replace("/mine?", "/other?"))[0] == 403
        assert curl(url["get"].replace("X-Amz-Expires=60", "X-Amz-Expires=600"))[0] == 403
        assert bucket.get("mine").body == b"mine"

    def test_a_url_works_until_it_expires_and_not_after(self, bucket):
        assert bucket.put("short", b"lived") == 204
        url = bucket.ask("GET", "urls", key="short", seconds=5).json
        assert curl(url["get"]) == (200, b"lived")
        eventually(lambda: curl(url["get"])[0] == 403)
        assert curl("-X", "PUT", "--data-binary", "late", url["put"])[0] == 403
        assert bucket.get("short").body == b"lived"

    @pytest.mark.parametrize("seconds", [0, -1, 604801])
    def test_a_url_is_good_for_a_week_at_most(self, bucket, seconds):
        url = bucket.ask("GET", "urls", key="short", seconds=seconds).json
        assert (url["get"], url["put"]) == (None, None)

    def test_a_folder_has_no_urls(self, make_server):
        shelf = Shelf(make_server, {"driver": "dir", "folder": "objects"})
        assert shelf.put("k", b"v", public=1) == 204
        assert shelf.ask("GET", "urls", key="k").json == {"plain": None, "get": None, "put": None}
        shelf.server.stop()


class TestLeftOvers:
    def test_uploads_that_nobody_finishes_are_swept(self, bucket):
        begun = bucket.client.create_multipart_upload(Bucket=bucket.bucket, Key="swept/a b+&")
        bucket.client.upload_part(
            Bucket=bucket.bucket, Key="swept/a b+&", UploadId=begun["UploadId"], PartNumber=1, Body=b"part"
        )
        bucket.client.create_multipart_upload(Bucket=bucket.bucket, Key="other/x")
        assert bucket.ask("POST", "sweep", prefix="swept/", seconds=3600).status == 204
        assert len(unfinished(bucket.client, bucket.bucket)) == 2

        def is_swept():
            assert bucket.ask("POST", "sweep", prefix="swept/", seconds=1).status == 204
            return [upload["Key"] for upload in unfinished(bucket.client, bucket.bucket)] == ["other/x"]

        eventually(is_swept)
        assert "swept/a b+&" not in keys_in(bucket.client, bucket.bucket)
