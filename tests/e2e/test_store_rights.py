"""Rights to a storage: what `talelio store check` says of them, and the policies of core/objects/README.md, taken from its text
and put in force."""

import json
import re
import tempfile
import urllib.error
import urllib.request

import botocore.exceptions
import pytest

from server import PATIENCE, ROOT, eventually
from storage import OwnS3, Shelf, keys_in, s3_client, s3_section, unfinished

README = (ROOT / "core/objects/README.md").read_text()
LEAST, PUBLIC_READ, PRIVATE, LIFECYCLE = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", README, re.DOTALL))
MEDIA, BACKUP = "example-media", "example-backup"
RIGHTS = {
    "write": "s3:PutObject",
    "list": "s3:ListBucket",
    "read": "s3:GetObject",
    "abort an upload": "s3:AbortMultipartUpload",
    "list uploads": "s3:ListBucketMultipartUploads",
    "delete": "s3:DeleteObject",
}


def for_ceph(policy):
    """Users as Ceph writes them; yourself is the one who made the buckets."""
    text = json.dumps(policy).replace("arn:aws:iam::123456789012:root", "arn:aws:iam:::user/talelio")
    return text.replace("arn:aws:iam::123456789012:", "arn:aws:iam:::")


@pytest.fixture(scope="module")
def s3(run_folder):
    """A site as the README sets it up: two buckets, a user for each, and a stranger with a key."""
    own = OwnS3(tempfile.mkdtemp(prefix="s3", dir=run_folder))
    for bucket in (MEDIA, BACKUP):
        own.client.create_bucket(Bucket=bucket)
    own.media, own.backup, own.stranger = (own.user(name) for name in ("talelio-media", "talelio-backup", "stranger"))
    own.give("talelio-media", LEAST)
    own.client.put_bucket_policy(Bucket=MEDIA, Policy=json.dumps(PUBLIC_READ))
    own.client.put_bucket_policy(Bucket=BACKUP, Policy=for_ceph(PRIVATE))
    for bucket in (MEDIA, BACKUP):
        own.client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=LIFECYCLE)
        own.client.put_object(Bucket=bucket, Key="image", Body=b"bytes", ContentType="image/png")
        own.client.put_object(Bucket=bucket, Key="opened by mistake", Body=b"bytes", ACL="public-read")
    yield own
    own.end()


@pytest.fixture(scope="module")
def checked(make_server):
    """checked(section): the lines of `talelio store check`, by step, and whether it was content."""
    server = make_server(migrate=False)

    def check(section, name="kept"):
        server.changes = {"store:kept": section}
        server.write_config()
        result = server.run("store", "check", name)
        lines = {line[:16].strip(): line[16:].strip() for line in result.stdout.splitlines()}
        return lines, result.returncode, result.stderr

    return check


def refusal(call):
    """The code with which S3 refuses, None when it does not."""
    try:
        call()
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return None


def anybody(s3, bucket, what=""):
    try:
        return urllib.request.urlopen(f"{s3.endpoint}/{bucket}/{what}", timeout=PATIENCE).status
    except urllib.error.HTTPError as error:
        return error.code


class TestPolicies:
    def test_anybody_reads_content_and_can_do_nothing_else(self, s3):
        assert anybody(s3, MEDIA, "image") == 200
        assert anybody(s3, MEDIA) == 403
        assert anybody(s3, MEDIA, "?uploads") == 403
        stranger = s3_client(s3.stranger, s3.endpoint)
        assert refusal(lambda: stranger.get_object(Bucket=MEDIA, Key="image")) is None
        assert refusal(lambda: stranger.put_object(Bucket=MEDIA, Key="image", Body=b"")) == "AccessDenied"
        assert refusal(lambda: stranger.delete_object(Bucket=MEDIA, Key="image")) == "AccessDenied"
        assert refusal(lambda: stranger.list_objects_v2(Bucket=MEDIA)) == "AccessDenied"

    @pytest.mark.parametrize("key", ["image", "opened by mistake"])
    def test_nobody_reads_backups_whatever_their_acl(self, s3, key):
        assert anybody(s3, BACKUP, key.replace(" ", "%20")) == 403
        for keys in (s3.stranger, s3.media):
            other = s3_client(keys, s3.endpoint)
            assert refusal(lambda: other.get_object(Bucket=BACKUP, Key=key)) == "AccessDenied"
            assert refusal(lambda: other.put_object(Bucket=BACKUP, Key=key, Body=b"")) == "AccessDenied"
            assert refusal(lambda: other.delete_object(Bucket=BACKUP, Key=key)) == "AccessDenied"
            assert refusal(lambda: other.list_objects_v2(Bucket=BACKUP)) == "AccessDenied"
        assert keys_in(s3.client, BACKUP) == ["image", "opened by mistake"]

    @pytest.mark.parametrize("bucket", [MEDIA, BACKUP])
    def test_the_servers_key_does_all_that_the_server_needs(self, make_server, s3, bucket):
        shelf = Shelf(make_server, s3_section(bucket, s3.media if bucket == MEDIA else s3.backup, s3.endpoint))
        block = bytes(1 << 20)
        assert shelf.put("k", b"v", public=bucket == MEDIA) == 204 and shelf.get("k").body == b"v"
        assert shelf.stream("large", block, times=9) == 204 and shelf.ask("GET", "head", key="large").json["size"] == 9 << 20
        assert shelf.ask("POST", "copy", key="k", to="copy").status == 204
        assert {"copy", "k", "large"} <= {item["key"] for item in shelf.list()["items"]}
        assert shelf.get("missing").status == 404
        for key in ("k", "copy", "large"):
            assert shelf.ask("DELETE", "object", key=key).status == 204
        # and takes back what a process that was killed has begun
        s3.client.create_multipart_upload(Bucket=bucket, Key="begun")

        def is_swept():
            assert shelf.ask("POST", "sweep", prefix="", seconds=1).status == 204
            return unfinished(s3.client, bucket) == []

        eventually(is_swept)
        assert keys_in(s3.client, bucket) == ["image", "opened by mistake"]
        shelf.server.stop()

    @pytest.mark.parametrize("bucket", [MEDIA, BACKUP])
    def test_the_servers_key_can_do_nothing_else(self, s3, bucket):
        key = s3_client(s3.media if bucket == MEDIA else s3.backup, s3.endpoint)
        other = BACKUP if bucket == MEDIA else MEDIA
        for call in (
            lambda: key.delete_bucket(Bucket=bucket),
            lambda: key.put_bucket_policy(Bucket=bucket, Policy=json.dumps(PUBLIC_READ)),
            lambda: key.get_bucket_policy(Bucket=bucket),
            lambda: key.delete_bucket_policy(Bucket=bucket),
            lambda: key.put_bucket_acl(Bucket=bucket, ACL="public-read-write"),
            lambda: key.put_object_acl(Bucket=bucket, Key="image", ACL="public-read"),
            lambda: key.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
            lambda: key.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=LIFECYCLE),
            lambda: key.put_object(Bucket=other, Key="k", Body=b""),
            lambda: key.delete_object(Bucket=other, Key="image"),
            lambda: key.list_objects_v2(Bucket=other),
            lambda: key.list_multipart_uploads(Bucket=other),
        ):
            assert refusal(call) == "AccessDenied"
        assert key.list_buckets()["Buckets"] == []
        assert {rule["ID"] for rule in s3.client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]} == {"unfinished-uploads"}

    @pytest.mark.parametrize("bucket", [MEDIA, BACKUP])
    def test_you_are_not_shut_out(self, s3, bucket):
        assert refusal(lambda: s3.client.get_object(Bucket=bucket, Key="image")) is None
        assert refusal(lambda: s3.client.put_bucket_policy(Bucket=bucket, Policy=for_ceph(PRIVATE if bucket == BACKUP else PUBLIC_READ))) is None

    @pytest.mark.parametrize("bucket", [MEDIA, BACKUP])
    def test_store_check_is_content(self, s3, checked, bucket):
        lines, code, _ = checked(s3_section(bucket, s3.media if bucket == MEDIA else s3.backup, s3.endpoint))
        assert (lines, code) == (dict.fromkeys(RIGHTS, "ok"), 0)
        assert keys_in(s3.client, bucket) == ["image", "opened by mistake"] and unfinished(s3.client, bucket) == []


class TestStoreCheck:
    @pytest.fixture
    def limited(self, s3):
        """limited(rights): a bucket on which the stranger has these alone, and not even those of whoever made an object."""

        def limit(rights):
            bucket = "limited"
            s3.client.create_bucket(Bucket=bucket)
            about = {
                "Principal": {"AWS": ["arn:aws:iam:::user/stranger"]},
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            }
            missing = [right for right in RIGHTS.values() if right not in rights]
            statements = [{"Effect": "Allow", "Action": rights, **about}, {"Effect": "Deny", "Action": missing, **about}]
            policy = {"Version": "2012-10-17", "Statement": statements}
            s3.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
            return s3_section(bucket, s3.stranger, s3.endpoint)

        return limit

    @pytest.mark.parametrize("missing", ["list", "read", "abort an upload", "list uploads", "delete"])
    def test_the_one_right_that_is_missing_is_named(self, limited, checked, missing):
        lines, code, said = checked(limited([right for step, right in RIGHTS.items() if step != missing]))
        wrong = {step: text for step, text in lines.items() if text != "ok" and step in RIGHTS}
        assert wrong == {missing: f"denied: the right {RIGHTS[missing]} is missing"}
        assert code == 1 and "access is denied" in said
        assert any(step.startswith("The probe .talel") for step in lines) == (missing == "delete")

    def test_without_writing_the_rest_is_still_tried(self, limited, checked):
        lines, code, _ = checked(limited([right for step, right in RIGHTS.items() if step != "write"]))
        assert lines.pop("write") == "denied: the right s3:PutObject is missing"
        assert lines.pop("abort an upload") == "not tried: nothing could be written"
        assert lines == dict.fromkeys(("list", "read", "list uploads", "delete"), "ok") and code == 1

    def test_what_cannot_be_known_is_not_claimed(self, limited, checked):
        # given reading alone: of an object that is not there "denied" would say nothing about it
        lines, code, _ = checked(limited(["s3:GetObject"]))
        assert lines["read"] == "not tried: nothing could be written or listed"
        for step in ("write", "list", "list uploads", "delete"):
            assert lines[step] == f"denied: the right {RIGHTS[step]} is missing"
        assert code == 1

    @pytest.mark.parametrize(
        "change, code, said",
        [
            ({"secret_key": "wrong"}, "SignatureDoesNotMatch", "secret_key is wrong"),
            ({"access_key": "NOBODY"}, "InvalidAccessKeyId", "access_key is not known there"),
            ({"bucket": "no-such-bucket"}, "NoSuchBucket", "the bucket does not exist"),
        ],
    )
    def test_what_is_no_missing_right_is_told_once(self, s3, checked, change, code, said):
        lines, status, log = checked(s3_section(MEDIA, s3.media, s3.endpoint) | change)
        assert (lines, status) == ({"write": f"denied: {code}"}, 1)
        assert said in log and s3.media[1] not in log

    def test_a_storage_that_is_away_is_told_once(self, s3, checked):
        lines, status, log = checked(s3_section(MEDIA, s3.media, "http://127.0.0.1:1"))
        assert (lines, status) == ({"write": "not possible now"}, 1) and "it cannot be reached" in log

    def test_a_folder_is_tried_too(self, checked, tmp_path):
        lines, code, _ = checked({"driver": "dir", "folder": tmp_path / "objects"})
        assert (lines, code) == (dict.fromkeys(RIGHTS, "ok"), 0)
        assert [path.name for path in (tmp_path / "objects").iterdir()] == [".drafts"]

    def test_a_folder_that_is_none_is_told(self, checked, tmp_path):
        (tmp_path / "objects").write_text("a file")
        lines, code, log = checked({"driver": "dir", "folder": tmp_path / "objects"})
        assert (lines, code) == ({"write": "not possible now"}, 1) and "Not a directory" in log

    def test_a_name_without_a_section_is_told(self, checked, tmp_path):
        lines, code, log = checked({"driver": "dir", "folder": tmp_path}, "other")
        assert (lines, code) == ({}, 1) and "there is no section [store:other]" in log
