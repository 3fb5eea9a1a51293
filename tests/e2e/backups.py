"""What the tests of backups stand on: stores to look into and to damage, and a second implementation of the formats.

The formats are written down here once more, with hashlib and libsodium alone, so that the plugin is not its only reader.
"""

import base64
import ctypes
import ctypes.util
import datetime
import hashlib
import json
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile

from server import psql
from storage import ENDPOINT, OWNER, s3_client, s3_section

MIB = 1 << 20
TRAILER = 1024  # behind every object of the driver `dir`
CHUNK = 131072 + 17
HEADER = 16 + 8 + 24


class DirStore:
    part = MIB  # what is sent at once

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.section = {"driver": "dir", "folder": self.folder}

    def path(self, key):
        folder, _, name = key.rpartition("/")
        return self.folder / folder / (name + "=")

    def keys(self):
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*=") if path.is_file())
        return sorted(str(path)[:-1] for path in found)

    def read(self, key):
        return self.path(key).read_bytes()[:-TRAILER]

    def write(self, key, data):
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        trailer = path.read_bytes()[-TRAILER:] if path.exists() else self.any_trailer()
        path.write_bytes(data + trailer)

    def any_trailer(self):
        return next(path for path in self.folder.rglob("*=") if path.is_file()).read_bytes()[-TRAILER:]

    def delete(self, key):
        self.path(key).unlink()

    def copy(self):
        """All that is in it now, for put_back."""
        return shutil.copytree(self.folder, tempfile.mkdtemp(dir=self.folder.parent), dirs_exist_ok=True)

    def put_back(self, copy):
        shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder)

    def unfinished(self):
        drafts = self.folder / ".drafts"
        return [path for path in drafts.iterdir()] if drafts.exists() else []

    def arrived(self):
        """Bytes of an upload that is under way."""
        return sum(path.stat().st_size for path in self.unfinished())


class S3Store:
    part = 8 * MIB

    def __init__(self):
        self.client = s3_client()
        self.bucket = "backup-" + secrets.token_hex(6)
        self.client.create_bucket(Bucket=self.bucket)
        self.section = s3_section(self.bucket, OWNER, ENDPOINT)

    def keys(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def read(self, key):
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def write(self, key, data):
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def delete(self, key):
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def unfinished(self):
        return self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])

    def arrived(self):
        parts = 0
        for upload in self.unfinished():
            listed = self.client.list_parts(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            parts += sum(part["Size"] for part in listed.get("Parts", []))
        return parts


def recovery(store, key):
    """What config/recovery.ini is told by variables."""
    names = {"driver": "BACKUP_DRIVER", "folder": "BACKUP_FOLDER", "endpoint": "BACKUP_S3_ENDPOINT",
             "bucket": "BACKUP_S3_BUCKET", "path_style": "BACKUP_S3_PATH_STYLE",
             "access_key": "BACKUP_S3_ACCESS_KEY", "secret_key": "BACKUP_S3_SECRET_KEY"}  # fmt: skip
    return {"BACKUP_KEY": key, **{names[key]: str(value) for key, value in store.section.items()}}


def new_key():
    return base64.b64encode(secrets.token_bytes(32)).decode()


def derive(key, purpose, length=32):
    """crypto_kdf_derive_from_key of libsodium."""
    return hashlib.blake2b(
        key=base64.b64decode(key),
        digest_size=length,
        salt=purpose.to_bytes(8, "little").ljust(16, b"\0"),
        person=b"tlbackup".ljust(16, b"\0"),
    ).digest()


def key_id(key):
    return derive(key, 3, 16)[:8].hex()


def seal(kind, values, key):
    text = kind.encode() + b"\0"
    for value in values:
        value = str(int(value) if isinstance(value, bool) else value).encode()
        text += b"%d:" % len(value) + value
    return hashlib.blake2b(text, digest_size=32, key=derive(key, 2) if key else b"").hexdigest()


def manifest_values(m):
    yield from (m["name"], m["started"], m["milliseconds"], m["size"], m["plain_size"], m["sha256"], m["key_id"] or "")
    yield from (m["server_version"], m["pg_dump_version"], m["encoding"], m["collate"], m["ctype"])
    yield len(m["schema"])
    for version in m["schema"]:
        yield from (version["owner"], version["number"])
    yield len(m["tables"])
    for table in m["tables"]:
        yield from (table["name"], table["rows"], table["sum"])


def verdict_values(v):
    yield from (v["name"], v["sha256"], v["good"], v["checked"], v["reason"])
    yield from (v["restorable"], v["drilled"], v["drill_milliseconds"], v["drill_reason"])


def sealed_file(kind, content, key):
    values = manifest_values(content) if kind == "manifest" else verdict_values(content)
    value = seal(f"talelio {kind} 1", values, key)
    return json.dumps({kind: content, "seal": {"key": key_id(key) if key else None, "value": value}}).encode()


def forge(store, like, when, key=None, verified=True, prefix="backup"):
    """A backup of another time, made of a real one: what only the owner of the key can do."""
    name = when.strftime("%Y%m%dT%H%M%SZ-") + secrets.token_hex(4)
    manifest = json.loads(store.read(f"{prefix}/{like}/manifest.json"))["manifest"]
    manifest |= {"name": name, "started": int(when.timestamp()) * 1000000}
    store.write(f"{prefix}/{name}/dump", store.read(f"{prefix}/{like}/dump"))
    store.write(f"{prefix}/{name}/manifest.json", sealed_file("manifest", manifest, key))
    if verified:
        verdict = json.loads(store.read(f"{prefix}/{like}/verdict.json"))["verdict"]
        store.write(f"{prefix}/{name}/verdict.json", sealed_file("verdict", verdict | {"name": name}, key))
    return name


def ago(**how):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**how)


def decrypted(data, key):
    """An encrypted dump, opened by libsodium alone."""
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    assert data[:16] == b"talelio backup 1" and data[16:24].hex() == key_id(key)
    state = ctypes.create_string_buffer(sodium.crypto_secretstream_xchacha20poly1305_statebytes())
    assert sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, data[24:HEADER], derive(key, 1)) == 0
    plain, tag, length = b"", ctypes.c_ubyte(), ctypes.c_ulonglong()
    for at in range(HEADER, len(data), CHUNK):
        chunk = data[at : at + CHUNK]
        out = ctypes.create_string_buffer(CHUNK)
        result = sodium.crypto_secretstream_xchacha20poly1305_pull(
            state, out, ctypes.byref(length), ctypes.byref(tag), chunk, ctypes.c_ulonglong(len(chunk)), data[:24],
            ctypes.c_ulonglong(24)
        )  # fmt: skip
        assert result == 0
        plain += out.raw[: length.value]
    assert tag.value == 3
    return plain


def with_database(url, name):
    return re.sub(r"/[A-Za-z0-9_]*\?", f"/{name}?", url, count=1)


def name_of(url):
    return re.search(r"/(\w+)\?", url).group(1)


def new_database(url, like="template1"):
    """An empty database beside that of `url`, or one that begins as a copy of another."""
    name = "r" + secrets.token_hex(8)
    psql(url, f"CREATE DATABASE {name} TEMPLATE {like}")
    return with_database(url, name)


def contents(url):
    """All that pg_dump says of a database, but for a token that is new each time, and for parentheses: PostgreSQL sets
    more of them around a condition when it reads what it has written."""
    out = subprocess.run(
        ["pg_dump", "--no-owner", "--no-privileges", "-d", url], check=True, capture_output=True, text=True
    ).stdout
    lines = [line for line in out.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return [line.replace("(", "").replace(")", "") for line in lines]


AWKWARD = r'''
CREATE SCHEMA "odd schema";
CREATE TABLE "odd schema"."Tab.le ""x""" (id int, "row" text, bytes bytea, at timestamptz, f float8, j jsonb, a text[]);
INSERT INTO "odd schema"."Tab.le ""x""" VALUES (1, E'a\\b\n', '\xdeadbeef', now(), 0.1, '{"a": 1}', '{a,"b c"}'),
    (1, E'a\\b\n', '\xdeadbeef', '2000-01-01', 'NaN', NULL, NULL), (NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE nothing_in_it ();
CREATE TABLE parts (n int) PARTITION BY RANGE (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts SELECT n FROM generate_series(0, 9) n;
CREATE VIEW seen AS SELECT count(*) FROM parts;
CREATE MATERIALIZED VIEW kept AS SELECT n FROM parts;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE moods (m mood DEFAULT 'good');
INSERT INTO moods VALUES ('bad'), ('good'), ('good');
'''


def fill(url):
    """Some of everything that PostgreSQL has."""
    psql(url, AWKWARD + "CREATE TABLE big (id bigint PRIMARY KEY, noise text);")


def add_noise(url, rows):
    """Rows of 4 KB that hardly compress: what repeats is further apart than a compressor looks back."""
    psql(
        url,
        "WITH source AS MATERIALIZED (SELECT string_agg(md5(random()::text || k), '') AS noise FROM generate_series(1, 2048) k) "
        f"INSERT INTO big SELECT n, substr(noise, 1 + n * 4099 % 61440, 4096) FROM source, generate_series(1, {rows}) n",
    )


def add_mib(url, mib):
    """Rows of 1 MiB that fill a dump, when that is not compressed, and take next to nothing in the database, which is."""
    psql(url, f"INSERT INTO big SELECT n, repeat(chr(97 + n % 26), {MIB}) FROM generate_series(1, {mib}) n")
