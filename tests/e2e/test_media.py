"""The media plugin on both kinds of storage: upload, list, download and delete. What differs between table and storage is in
test_media_fsck.py, storage that fails in test_media_outages.py, uploads that mean harm in test_media_hostile.py."""

import hashlib
import os
import re
import secrets
import struct
import subprocess
import urllib.request

import boto3
import botocore.config
import pytest

from images import MAKERS, form, gif, jpeg, photo, png, webp

SITE = "http://api.example.org"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TYPE = "One or more image files are of invalid type"
SIZE = "One or more image file sizes are too large"
LIMIT = 2 * 1024 * 1024


def bucket():
    """A client of the S3 server for tests, made by others than us, and a new bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["TALELIO_TEST_S3"],
        region_name="us-east-1",
        aws_access_key_id=os.environ["TALELIO_TEST_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["TALELIO_TEST_S3_SECRET_KEY"],
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )
    name = "media-" + secrets.token_hex(6)
    client.create_bucket(Bucket=name)
    return client, name


def s3_store(name):
    return {
        "driver": "s3",
        "endpoint": os.environ["TALELIO_TEST_S3"],
        "bucket": name,
        "path_style": "yes",
        "access_key": os.environ["TALELIO_TEST_S3_ACCESS_KEY"],
        "secret_key": os.environ["TALELIO_TEST_S3_SECRET_KEY"],
    }


def media_server(make_server, driver):
    s3, name = bucket() if driver == "s3" else (None, None)
    store = s3_store(name) if s3 else {"driver": "dir", "folder": "objects"}
    running = make_server({"store:media": store, "plugin:media": {"enabled": "yes", "api_url": SITE}}).start()
    running.s3, running.bucket = s3, name
    return running


@pytest.fixture(scope="module", params=["dir", "s3"])
def server(request, make_server):
    running = media_server(make_server, request.param)
    yield running
    running.stop()


def upload(client, *files, **rest):
    """Files are bytes, or pairs of name and bytes."""
    files = [file if isinstance(file, tuple) else ("image.bin", file) for file in files]
    content_type, body = form([("image", name, data) for name, data in files], **rest)
    return client.post("/v1/assets/images", body, headers={"Content-Type": content_type})


def paths(answer):
    assert answer.status == 200, answer
    urls = answer.json["image_objects_urls"]
    assert all(url.startswith(SITE + "/v1/users/") for url in urls)
    return [url.removeprefix(SITE) for url in urls]


def path(client, *rest):
    return paths(upload(client, *rest))[0]


def listed(client, username=None):
    answer = client.get(f"/v1/users/{username or client.username}/images?limit=100")
    assert answer.status == 200, answer
    return answer.json["images"]


def keys(server):
    """Every key in the store."""
    if server.s3:
        pages = server.s3.get_paginator("list_objects_v2").paginate(Bucket=server.bucket)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}
    return set(object_files(server))


def object_files(server):
    """Of the folder driver: the file of every key (core/objects/dir_path.c has the rule)."""
    folder = server.folder / "objects"
    files = [file for file in folder.rglob("*=") if file.is_file()]
    return {str(file.relative_to(folder)).replace("+/", "").removesuffix("="): file for file in files}


def key_of(server, image_path):
    username, file = re.fullmatch(r"/v1/users/([^/]+)/images/([^/]+)", image_path).groups()
    return server.sql(f"SELECT id FROM users WHERE username = '{username}'") + "/images/" + file


class TestUpload:
    def test_the_addresses_come_in_the_order_sent(self, author):
        answer = upload(author, ("Hello.JPEG", jpeg()), ("b.png", png()), ("a.gif", gif()), ("c.webp", webp()))
        patterns = [("hello", "jpeg"), ("b", "png"), ("a", "gif"), ("c", "webp")]
        assert answer.status == 200 and set(answer.json) == {"image_objects_urls"}
        for address, (stem, extension) in zip(answer.json["image_objects_urls"], patterns, strict=True):
            assert re.fullmatch(f"{SITE}/v1/users/{author.username}/images/{stem}_{UUID}\\.{extension}", address), address

    def test_what_it_is_counts_and_not_what_was_claimed(self, author):
        for name, made in (("photo.jpg", png()), ("page.html", gif()), ("x.gif", webp()), ("y", jpeg())):
            content_type, body = form([("f", name, made)])
            body = body.replace(b"application/octet-stream", b"text/html")
            image = paths(author.post("/v1/assets/images", body, headers={"Content-Type": content_type}))[0]
            kind = next(kind for kind, maker in MAKERS.items() if maker() == made)
            assert image.endswith("." + kind)
            assert author.get(image).headers["content-type"] == "image/" + kind

    def test_any_field_names_also_repeated(self, author):
        content_type, body = form([("a", "1.png", png()), ("a", "2.png", png()), ("", "3.png", png()), ("ü", "4.png", png())])
        assert len(paths(author.post("/v1/assets/images", body, headers={"Content-Type": content_type}))) == 4

    def test_the_same_file_twice_is_two_images(self, author):
        answer = upload(author, ("a.png", png()), ("a.png", png()))
        assert len(set(paths(answer))) == 2

    def test_parts_that_are_no_files_are_ignored(self, author):
        answer = upload(author, ("a.png", png()), others=[("title", "Not an image"), ("empty", "")])
        assert len(paths(answer)) == 1

    def test_a_field_left_empty_is_ignored(self, author):
        # as browsers send an <input type=file> without a choice
        assert len(paths(upload(author, ("", b""), ("a.png", png())))) == 1

    @pytest.mark.parametrize("files", [[], [("", b"")]])
    def test_without_any_file_it_is_400(self, author, files):
        answer = upload(author, *files, others=[("title", "nothing")])
        assert (answer.status, answer.message) == (400, "Expected at least one image file")

    @pytest.mark.parametrize("kind", MAKERS)
    def test_exactly_two_mebibytes_pass(self, author, kind):
        data = MAKERS[kind](size=LIMIT)
        assert len(data) == LIMIT
        assert author.get(path(author, data)).body == data

    @pytest.mark.parametrize("kind", MAKERS)
    def test_one_byte_more_does_not(self, author, kind):
        data = MAKERS[kind](size=LIMIT) + b"\0"
        answer = upload(author, ("big", data))
        assert (answer.status, answer.message) == (400, SIZE + ": 'big' has 2097153 bytes, expected at most 2097152")

    @pytest.mark.parametrize(
        "data",
        [
            b"hello", b"\0", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM" + b"\0" * 100, b"II*\0" + b"\0" * 100,
            b"%PDF-1.4", b"PK\x03\x04", b"GIF89a", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x04\0\0\0WEBP",
            b"RIFF\x24\0\0\0WAVEfmt ", png()[:-1], gif()[:-4], jpeg()[:-3], webp()[:-1], png()[1:], jpeg()[2:],
        ],
        ids=lambda data: data[:8].hex(),
    )  # fmt: skip
    def test_anything_else_is_of_invalid_type(self, author, data):
        answer = upload(author, ("image.png", data))
        assert answer.status == 400 and answer.message.startswith(TYPE + ": 'image.png' ")

    @pytest.mark.parametrize("name", [b"empty.png", b""])
    def test_an_empty_file_is_none(self, author, name):
        answer = upload(author, (name, b""), ("b.png", png()))
        assert answer.status == (400 if name else 200)

    @pytest.mark.parametrize("wrong, message", [("no image", TYPE), ("too large", SIZE), ("too many pixels", SIZE)])
    def test_all_or_nothing(self, server, wrong, message):
        made = {"no image": b"text", "too large": png(size=LIMIT) + b"\0", "too many pixels": gif(1, 1, canvas=(65535, 65535))}
        author, before = server.author(), keys(server)
        answer = upload(author, png(), jpeg(), made[wrong], gif())
        assert answer.status == 400 and answer.message.startswith(message + ": 'image.bin' ")
        assert listed(author) == []
        assert keys(server) == before
        assert server.sql("SELECT count(*) FROM images WHERE NOT ready") == "0"

    @pytest.mark.parametrize(
        "name, stem",
        [
            ("hello.jpeg", "hello"), ("Hello World.PNG", "hello_world"), ("a.b.c.png", "abc"), ("ÄÖÜ-é+x.png", "x"), ("", ""),
            ("no extension", "no_extension"), (".hidden", "hidden"), ("tabs\tand  two.gif", "tabsand__two"),
            ("x" * 300 + ".png", "x" * 100), ("100%.png", "100"), ('quo\\"te.png', "quote"), ("back\\\\slash.png", "backslash"),
            ("../../etc/passwd", "etcpasswd"), ("日本語.webp", ""), ("under_score-dash.png", "under_scoredash"),
            ("semi;colon=x.png", "semicolonx"), ("C:\\\\Windows\\\\a b.png", "cwindowsa_b"), ("<script>.png", "script"),
        ],
    )  # fmt: skip
    def test_the_name_follows_the_rule(self, author, name, stem):
        image = path(author, (name, png()))
        assert re.fullmatch(f"/v1/users/{author.username}/images/{re.escape(stem)}_{UUID}\\.png", image), image
        assert author.get(image).status == 200

    def test_who_may(self, server, visitor):
        answer = upload(visitor, png())
        assert (answer.status, answer.message) == (403, "No authorization header provided")

    def test_a_form_is_expected(self, author):
        content_type, body = form([("a", "a.png", png())])
        post = lambda kind, data=body: author.post("/v1/assets/images", data, headers={"Content-Type": kind})  # noqa: E731
        assert (post("image/png", png()).status, post("multipart/mixed; boundary=x").status) == (415, 415)
        assert post(content_type, b"").message == "Missing request body"
        for wrong in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 71):
            answer = post(wrong)
            assert (answer.status, answer.message) == (400, "Expected a boundary in the Content-Type")
        assert post("multipart/form-data; boundary=another").status == 400
        assert post('Multipart/Form-Data; charset=utf-8; Boundary="----talelio"').status == 200

    def test_too_many_files_are_400(self, author):
        answer = upload(author, *[png()] * 17)
        assert (answer.status, answer.message) == (400, "Expected at most 16 image files")
        assert len(paths(upload(author, *[png()] * 16))) == 16

    def test_sixteen_of_two_mebibytes_pass(self, author):
        data = png(size=LIMIT)
        assert len(paths(upload(author, *[data] * 16))) == 16

    def test_curl_uploads_and_reads(self, server, author, tmp_path):
        big = jpeg(size=LIMIT)
        (tmp_path / "big one.jpg").write_bytes(big)
        (tmp_path / "b.gif").write_bytes(gif())
        address = f"http://127.0.0.1:{server.port}"
        out = subprocess.run(
            ["curl", "-sS", "--fail", "-H", f"Authorization: Bearer {author.token}", "-F", f"x=@{tmp_path}/big one.jpg;type=text/plain",
             "-F", "title=hello", "-F", f"y=@{tmp_path}/b.gif", address + "/v1/assets/images"],
            capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
        first, second = re.findall(SITE + "([^\"]*)", out.replace("\\/", "/"))
        assert "/big_one_" in first and second.endswith(".gif")
        out = subprocess.run(["curl", "-sS", "--fail", address + first], capture_output=True, check=True).stdout
        assert out == big


class TestRefusals:
    """What is refused, the message says which file, and why."""

    @pytest.mark.parametrize(
        "files, message",
        [
            ([("a.png", png()), ("b.heic", b"ftypheic")], TYPE + ": 'b.heic' is none of GIF, JPEG, PNG and WebP"),
            ([("a.png", png()[:-5])], TYPE + ": 'a.png' is cut off"),
            ([("wide.gif", gif(1, 1, canvas=(20000, 1)))], SIZE + ": 'wide.gif' is 20000 pixels wide, expected at most 16384"),
            ([("high.gif", gif(1, 1, canvas=(1, 20000)))], SIZE + ": 'high.gif' is 20000 pixels high, expected at most 16384"),
            ([("b.gif", gif(1, 1, canvas=(10000, 10000)))], SIZE + ": 'b.gif' has 100000000 pixels, expected at most 50000000"),
            ([("c.gif", gif(1, 1, frames=1001))], SIZE + ": 'c.gif' has 1001 frames, expected at most 1000"),
            ([("", b"text")], TYPE + ": a file without a name is none of GIF, JPEG, PNG and WebP"),
            ([("Grüße.gif", b"text")], TYPE + ": 'Grüße.gif' is none of GIF, JPEG, PNG and WebP"),
            ([("x" * 5000, b"text")], TYPE + ": '" + "x" * 100 + "' is none of GIF, JPEG, PNG and WebP"),
            ([(b"a\x1b[1m\xff", b"text")], TYPE + ": 'a?[1m\ufffd' is none of GIF, JPEG, PNG and WebP"),
        ],
    )  # fmt: skip
    def test_the_message_names_file_and_reason(self, author, files, message):
        answer = upload(author, *files)
        assert (answer.status, answer.message) == (400, message)


class TestPhotos:
    """What phones and cameras make of the formats."""

    @pytest.mark.parametrize("kind", MAKERS)
    @pytest.mark.parametrize("tail", [b"\n", b"\0" * 1000, b"a film" * 1000, b"PK\x03\x04", jpeg()], ids=lambda tail: tail[:4].hex())
    def test_what_lies_behind_the_end_is_dropped(self, author, kind, tail):
        assert author.get(path(author, MAKERS[kind]() + tail)).body == MAKERS[kind]()

    def test_a_missing_end_is_added(self, author):
        assert author.get(path(author, jpeg()[:-2])).body == jpeg()
        assert author.get(path(author, gif()[:-1])).body == gif()

    @pytest.mark.parametrize("kind", MAKERS)
    def test_metadata_is_taken_out(self, author, kind):
        assert b"48.2082" in photo(kind)
        stored = author.get(path(author, photo(kind))).body
        assert b"48.2082" not in stored and b"me\0" not in stored
        if kind == "webp":  # the extended head stays, without the flags of what has gone
            head = b"WEBPVP8X" + struct.pack("<IIIH", 10, 0, 2 | 1 << 24, 0)
            assert stored == b"RIFF" + struct.pack("<I", len(webp()) + 10) + head + webp()[12:]
        else:
            assert stored == MAKERS[kind]()

    @pytest.mark.parametrize("kind", ["jpeg", "png"])
    def test_a_photo_stays_turned(self, author, kind):
        image = path(author, photo(kind, orientation=6, width=30, height=20))
        stored = author.get(image).body
        assert b"48.2082" not in stored and struct.pack(">HHIH", 0x112, 3, 1, 6) in stored
        item = next(item for item in listed(author) if image.endswith(item["file"]))
        assert (item["width"], item["height"]) == (20, 30)

    def test_size_and_hash_are_those_of_what_is_stored(self, server, author):
        image = path(author, photo("jpeg", size=100000) + b"a film" * 1000)
        item = next(item for item in listed(author) if image.endswith(item["file"]))
        assert item["size"] == 100000
        answer = author.get(image)
        assert answer.body == jpeg(size=100000)
        assert answer.headers["etag"] == '"' + hashlib.sha256(answer.body).hexdigest() + '"'

    def test_metadata_may_be_kept(self, make_server):
        settings = {"enabled": "yes", "api_url": SITE, "metadata": "keep"}
        server = make_server({"store:media": {"driver": "dir", "folder": "objects"}, "plugin:media": settings}).start()
        author = server.author()
        for kind in MAKERS:
            assert author.get(path(author, photo(kind) + b"a film")).body == photo(kind)
        server.stop()


class TestStored:
    def test_objects_lie_under_the_users_id(self, server, author):
        images = paths(upload(author, png(), gif()))
        assert {key_of(server, image) for image in images} <= keys(server)

    def test_the_object_is_public_and_has_its_type(self, server, author):
        for kind, maker in MAKERS.items():
            key = key_of(server, path(author, maker()))
            if not server.s3:
                # a folder has no public addresses; it keeps what is known of an object behind its bytes
                kept = object_files(server)[key].read_bytes()
                assert kept.startswith(maker()) and b"image/" + kind.encode() in kept[len(maker()) :]
                continue
            found = server.s3.get_object(Bucket=server.bucket, Key=key)
            assert found["ContentType"] == "image/" + kind
            assert found["CacheControl"] == "public, max-age=31536000, immutable"
            assert found["Body"].read() == maker()
            # then anyone may read it by its plain address
            with urllib.request.urlopen(f"{os.environ['TALELIO_TEST_S3']}/{server.bucket}/{key}") as plain:
                assert plain.read() == maker() and plain.headers["Content-Type"] == "image/" + kind


class TestDownload:
    DATA = png(40, 30, size=300000)

    @pytest.fixture(scope="class")
    def owner(self, server):
        return server.author()

    @pytest.fixture(scope="class")
    def image(self, owner):
        return path(owner, ("hello.png", self.DATA))

    def test_the_bytes_and_headers(self, server, image):
        answer = server.client().get(image)
        assert answer.status == 200 and answer.body == self.DATA
        headers = answer.headers
        assert headers["content-type"] == "image/png"
        assert headers["content-length"] == "300000"
        assert re.fullmatch('"[^"]+"', headers["etag"])
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["accept-ranges"] == "bytes"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["content-security-policy"] == "sandbox"
        assert headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("kind", MAKERS)
    def test_every_kind_comes_back_as_it_went(self, owner, kind):
        data = MAKERS[kind](120, 80)
        answer = owner.get(path(owner, data))
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, data, "image/" + kind)

    def test_head_says_the_same_without_bytes(self, visitor, image):
        whole, head = visitor.get(image), visitor.request("HEAD", image)
        assert (head.status, head.body) == (200, b"")
        for name in ("content-type", "content-length", "etag", "cache-control", "accept-ranges"):
            assert head.headers[name] == whole.headers[name]

    def test_the_username_is_found_without_regard_to_case(self, visitor, owner, image):
        assert visitor.get(image.replace(owner.username, owner.username.upper())).status == 200

    def test_an_unchanged_image_is_304(self, visitor, image):
        tag = visitor.get(image).headers["etag"]
        for value in (tag, "W/" + tag, "*", f'"a", {tag}', f'"a",W/"b",{tag}, "c"'):
            answer = visitor.get(image, headers={"If-None-Match": value})
            assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag), value
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert "content-length" not in answer.headers
        for value in ('"another"', tag.strip('"'), "", '"a", "b"', 'W/"x"'):
            assert visitor.get(image, headers={"If-None-Match": value}).status == 200, value

    @pytest.mark.parametrize(
        "header, first, last",
        [
            ("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), ("bytes=299999-", 299999, 299999), ("bytes=-1", 299999, 299999),
            ("bytes=-300000", 0, 299999), ("bytes=-999999999999999999999", 0, 299999), ("bytes=100000-", 100000, 299999),
            ("bytes=5-999999999999999999999", 5, 299999), ("Bytes=7-8", 7, 8), ("bytes= 7-8 ", 7, 8), ("bytes=65530-65540", 65530, 65540),
        ],
    )  # fmt: skip
    def test_a_range_is_206(self, visitor, image, header, first, last):
        answer = visitor.get(image, headers={"Range": header})
        assert answer.status == 206, answer
        assert answer.body == self.DATA[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/300000"
        assert answer.headers["content-length"] == str(last - first + 1)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["etag"] == visitor.get(image).headers["etag"]

    @pytest.mark.parametrize("header", ["bytes=300000-", "bytes=300000-300001", "bytes=-0", "bytes=99999999999999999999-"])
    def test_a_range_behind_the_end_is_416(self, visitor, image, header):
        answer = visitor.get(image, headers={"Range": header})
        assert answer.status == 416 and answer.json["error"]["type"] == "Range Not Satisfiable"
        assert answer.headers["content-range"] == "bytes */300000"
        assert "immutable" not in answer.headers.get("cache-control", "")

    @pytest.mark.parametrize(
        "header", ["bytes=0-1,5-6", "bytes=5-2", "bytes=-", "bytes=", "items=0-1", "bytes=a-b", "0-1", "bytes=1", "bytes=0-1;", "bytes=--5"]
    )
    def test_any_other_range_is_ignored(self, visitor, image, header):
        answer = visitor.get(image, headers={"Range": header})
        assert (answer.status, answer.body) == (200, self.DATA)

    def test_if_range_asks_for_the_same_image(self, visitor, image):
        tag = visitor.get(image).headers["etag"]
        get = lambda value: visitor.get(image, headers={"Range": "bytes=0-9", "If-Range": value})  # noqa: E731
        assert (get(tag).status, get(tag).body) == (206, self.DATA[:10])
        for other in ('"another"', "W/" + tag, "Sun, 06 Nov 1994 08:49:37 GMT", ""):
            assert (get(other).status, get(other).body) == (200, self.DATA), other

    def test_unchanged_comes_before_a_range(self, visitor, image):
        tag = visitor.get(image).headers["etag"]
        assert visitor.get(image, headers={"Range": "bytes=0-9", "If-None-Match": tag}).status == 304

    def test_what_is_not_there_is_404(self, server, visitor, owner, image):
        answer = visitor.get("/v1/users/nobody-here/images/" + image.rsplit("/", 1)[1])
        assert (answer.status, answer.message) == (404, "User with username 'nobody-here' does not exist")
        other = server.author()
        own = f"/v1/users/{owner.username}/images/"
        for missing in (image.replace(owner.username, other.username), own + "x.png", own + "a" * 500, image + "x", own + "%C3%A9.png",
                        image.replace(".png", ".gif"), own + "Hello" + image.rsplit("hello")[1]):  # fmt: skip
            answer = visitor.get(missing)
            assert (answer.status, answer.message) == (404, "Image not found"), missing
            assert "cache-control" not in answer.headers
        for malformed in ("%ff%fe.png", "..%2f..%2fx", "%00", ".."):
            assert visitor.get(own + malformed).status in (400, 404)
        assert visitor.get(own + "x.png").message == "Image not found"

    def test_an_image_that_is_not_ready_is_not_there(self, server, visitor, owner):
        image = path(owner, png())
        server.sql(f"UPDATE images SET ready = false WHERE file = '{image.rsplit('/', 1)[1]}'")
        assert visitor.get(image).status == 404
        assert image.rsplit("/", 1)[1] not in {item["file"] for item in listed(owner)}
        assert owner.delete(image).status == 404
        server.sql("DELETE FROM images WHERE NOT ready")

    def test_many_at_once_on_one_connection_each(self, server, image):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(16) as pool:
            bodies = list(pool.map(lambda _: server.client().get(image).body, range(64)))
        assert all(body == self.DATA for body in bodies)


class TestDelete:
    def test_its_owner_deletes_it(self, server, author):
        image, other = paths(upload(author, png(), gif()))
        key = key_of(server, image)
        answer = author.delete(image)
        assert (answer.status, answer.body) == (204, b"")
        assert author.get(image).status == 404 and author.get(other).status == 200
        assert key not in keys(server) and key_of(server, other) in keys(server)
        assert server.sql(f"SELECT count(*) FROM images WHERE file = '{image.rsplit('/', 1)[1]}'") == "0"
        again = author.delete(image)
        assert (again.status, again.message) == (404, "Image not found")

    def test_nobody_else_does(self, server, author):
        image = path(author, png())
        answer = server.author().delete(image)
        assert (answer.status, answer.message) == (403, "Only the owner may delete this image")
        assert server.client().delete(image).status == 403
        assert author.get(image).status == 200

    def test_unknown_users_and_images_are_404(self, author):
        assert author.delete("/v1/users/nobody-here/images/x.png").status == 404
        assert author.delete(f"/v1/users/{author.username}/images/x.png").message == "Image not found"

    def test_a_user_who_goes_takes_the_images_along(self, server):
        author = server.author()
        image = path(author, png())
        server.sql(f"DELETE FROM accounts WHERE email = '{author.email}'")
        assert server.client().get(image).status == 404


def links(answer):
    return dict((rel, target) for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("link", "")))


class TestList:
    @pytest.fixture(scope="class")
    def owner(self, server):
        author = server.author()
        author.images = [path(author, (f"n{n}.png", png(n + 1, 2))) for n in range(12)][::-1]
        return author

    def test_newest_first_ten_by_default(self, visitor, owner):
        answer = visitor.get(f"/v1/users/{owner.username}/images")
        assert answer.status == 200 and set(answer.json) == {"user", "images"}
        assert [image["url"] for image in answer.json["images"]] == [SITE + image for image in owner.images[:10]]
        assert answer.headers["x-total-count"] == "12"
        assert links(answer)["next"] == f"/v1/users/{owner.username}/images?page=2&limit=10"
        assert answer.json["user"]["username"] == owner.username
        second = visitor.get(links(answer)["next"])
        assert [image["url"] for image in second.json["images"]] == [SITE + image for image in owner.images[10:]]

    def test_what_it_says_of_an_image(self, visitor, owner):
        image = visitor.get(f"/v1/users/{owner.username}/images?limit=1").json["images"][0]
        assert image["file"] == owner.images[0].rsplit("/", 1)[1]
        assert (image["content_type"], image["size"]) == ("image/png", len(png(12, 2)))
        assert (image["width"], image["height"], image["frames"]) == (12, 2, 1)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", image["created_at"])

    def test_frames_are_counted(self, author):
        upload(author, gif(frames=3), png(frames=4), webp(frames=5))
        assert sorted(image["frames"] for image in listed(author)) == [3, 4, 5]

    @pytest.mark.parametrize("query", ["page=0", "limit=0", "page=x", "limit=-1", "page="])
    def test_numbers_are_expected(self, visitor, owner, query):
        answer = visitor.get(f"/v1/users/{owner.username}/images?{query}")
        assert (answer.status, answer.message) == (400, "Expected numeric query parameters")

    def test_past_the_end_it_is_empty(self, visitor, owner):
        answer = visitor.get(f"/v1/users/{owner.username}/images?page=9")
        assert (answer.status, answer.json["images"]) == (200, [])

    def test_an_unknown_user_is_404(self, visitor):
        answer = visitor.get("/v1/users/nobody-here/images")
        assert (answer.status, answer.message) == (404, "User with username 'nobody-here' does not exist")

    def test_a_user_without_images_has_an_empty_list(self, author):
        answer = author.get(f"/v1/users/{author.username}/images")
        assert (answer.json["images"], answer.headers["x-total-count"]) == ([], "0")
        assert "link" not in answer.headers


class TestConfiguration:
    STORE = {"store:media": {"driver": "dir", "folder": "objects"}}

    @pytest.mark.parametrize(
        "changes, expected",
        [
            ({"plugin:media": {"enabled": "yes"}}, "found no section [store:media]"),
            ({**STORE, "plugin:media": {"enabled": "yes", "api_url": "api.example.org"}}, "api_url: expected an address"),
            ({**STORE, "plugin:media": {"enabled": "yes", "api_url": "https://a b"}}, "api_url: expected an address"),
            ({**STORE, "plugin:media": {"enabled": "yes", "max_file_size": "33M"}}, "max_file_size"),
        ],
    )
    def test_mistakes_are_told(self, make_server, changes, expected):
        result = make_server(changes).run("check")
        assert result.returncode != 0 and expected in result.stderr + result.stdout

    def test_limits_are_options(self, make_server):
        options = {"max_file_size": "2K", "max_files": "2", "max_width": "100", "max_height": "50", "max_pixels": "4000", "max_frames": "3"}
        server = make_server({**self.STORE, "plugin:media": {"enabled": "yes", "api_url": SITE + "//", **options}}).start()
        author = server.author()
        for fine in (png(100, 40), png(80, 50), gif(frames=3), png(size=2048), webp(100, 1)):
            assert upload(author, fine).status == 200
        for wrong in (png(101, 1), png(1, 51), png(100, 41), gif(frames=4), png(frames=4), webp(frames=4), png(size=2049), jpeg(101, 1)):
            assert upload(author, wrong).message.startswith(SIZE + ": ")
        assert upload(author, *[png()] * 3).message == "Expected at most 2 image files"
        server.stop()

    def test_without_auth_images_can_be_seen(self, make_server):
        full = make_server({**self.STORE, "plugin:media": {"enabled": "yes", "api_url": SITE}}).start()
        author = full.author()
        image = path(author, png())
        reading = make_server(
            {"store:media": {"driver": "dir", "folder": full.folder / "objects"}, "plugin:media": {"enabled": "yes"}, "plugin:auth": None},
            share=full,
        ).start()
        assert reading.client().get(image).body == png()
        assert len(listed(reading.client(), author.username)) == 1
        assert upload(reading.client(), png()).status == 404
        assert reading.client().delete(image).status == 405
        reading.stop()
        full.stop()
