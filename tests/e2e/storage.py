"""What the tests of object storage stand on: S3 as somebody else's client sees it, an S3 that a test may stop, and a wire to
one that breaks."""

import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import threading
import urllib.parse

import boto3
import botocore.config

from server import BUILD, ROOT

OWNER = os.environ.get("TALELIO_TEST_S3_ACCESS_KEY"), os.environ.get("TALELIO_TEST_S3_SECRET_KEY")
GUEST = os.environ.get("TALELIO_TEST_S3_GUEST_ACCESS_KEY"), os.environ.get("TALELIO_TEST_S3_GUEST_SECRET_KEY")
ENDPOINT = os.environ.get("TALELIO_TEST_S3")


def s3_client(keys=OWNER, endpoint=ENDPOINT):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def new_bucket(client):
    name = "shelf-" + secrets.token_hex(6)
    client.create_bucket(Bucket=name)
    return name


def s3_section(bucket, keys=OWNER, endpoint=ENDPOINT, **rest):
    return {
        "driver": "s3", "endpoint": endpoint, "bucket": bucket, "path_style": "yes", "access_key": keys[0], "secret_key": keys[1],
        **rest,
    }  # fmt: skip


def unfinished(client, bucket):
    return client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def keys_in(client, bucket):
    return [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


class Shelf:
    """The test plugin of this name: a call of the object store is a request."""

    def __init__(self, make_server, store):
        self.server = make_server(
            {
                "http": {"max_body": "32M"},
                "store:shelf": store,
                "plugin:shelf": {"enabled": "yes", "path": BUILD / "tests/plugins/shelf.so"},
            }
        ).start()
        self.visitor = self.server.client()

    def ask(self, method, path, body=None, **parameters):
        return self.visitor.request(method, f"/shelf/{path}?" + urllib.parse.urlencode(parameters), body)

    def put(self, key, body, **options):
        return self.ask("PUT", "object", body, key=key, **options).status

    def stream(self, key, body, times=1, **options):
        return self.ask("PUT", "stream", body, key=key, times=times, **options).status

    def get(self, key, **portion):
        return self.ask("GET", "stream", key=key, **portion)

    def list(self, **parameters):
        return self.ask("GET", "list", **parameters).json


class OwnS3:
    """An S3 server that nobody else uses."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.run("start-s3")
        lines = self.run("env").stdout.split()
        values = dict(line.split("=", 1) for line in lines)
        self.endpoint, self.keys = values["S3_ENDPOINT"], (values["S3_ACCESS_KEY"], values["S3_SECRET_KEY"])
        self.client = s3_client(self.keys, self.endpoint)
        self.bucket = new_bucket(self.client)

    def run(self, what, **environment):
        return subprocess.run(
            [ROOT / "scripts/services", what, self.folder],
            check=True, timeout=120, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment},
        )  # fmt: skip

    def user(self, name):
        """The keys of a new user, who has no rights."""
        command = ["radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}"]
        env = {**os.environ, "CEPH_CONF": str(self.folder / "s3/ceph.conf")}
        made = subprocess.run(command, check=True, capture_output=True, env=env, timeout=60).stdout
        keys = json.loads(made)["keys"][0]
        return keys["access_key"], keys["secret_key"]

    def give(self, user, policy):
        """Attaches a policy to a user."""
        iam = boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
        )
        iam.put_user_policy(UserName=user, PolicyName="rights", PolicyDocument=json.dumps(policy))

    def signal(self, number):
        os.kill(int((self.folder / "s3/rgw.pid").read_text()), number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.run("kill-s3")

    def start(self, **environment):
        self.run("start-s3", **environment)

    def end(self):
        self.run("stop")


class Wire:
    """To the S3 server, on a port of its own. `cut(up, down)`: from now on every connection breaks after so many bytes sent or
    received, None for never; `left` of them do, then all is well. `cut_at(pattern)`: every connection breaks at a request like that,
    until `cut`. `hold`, `flow`: nothing passes any more, and again."""

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("http://").split(":")
        self.there = host, int(port)
        self.up = self.down = None
        self.left = self.seen = self.cuts = 0
        self.pattern = None
        self.flowing = threading.Event()
        self.flowing.set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self, up=None, down=None, left=1 << 30):
        with self.lock:
            self.up, self.down, self.left, self.seen = up, down, left, 0
            self.cuts += 1
            self.pattern = None

    def cut_at(self, pattern):
        self.cut()
        self.pattern = re.compile(pattern)

    def hold(self):
        self.flowing.clear()

    def flow(self):
        self.flowing.set()

    def end(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            there = socket.create_connection(self.there)
            threading.Thread(target=self.carry, args=(here, there, "up"), daemon=True).start()
            threading.Thread(target=self.carry, args=(there, here, "down"), daemon=True).start()

    def is_cut(self, way, passed):
        with self.lock:
            limit = getattr(self, way)
            if limit is None or self.left == 0 or passed < limit:
                return False
            self.left -= 1
            self.seen += 1
            return True

    def carry(self, source, target, way):
        passed = cuts = 0
        try:
            while data := source.recv(16384):
                passed = len(data) + (passed if cuts == self.cuts else 0)
                cuts = self.cuts
                if self.is_cut(way, passed) or (way == "up" and self.pattern and self.pattern.search(data)):
                    break
                self.flowing.wait()
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
