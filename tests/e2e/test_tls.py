"""PostgreSQL and the mail server behind TLS, with certificates of an authority of one's own."""

import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading

import pytest

from server import ROOT, eventually, psql


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """Signs certificates for `localhost`."""

    def __init__(self, folder, name):
        self.folder = folder
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
        openssl(*new, "-subj", f"/CN={name}", "-out", self.certificate, "-keyout", self.key)
        self.server, self.server_key = folder / f"{name}-server.crt", folder / f"{name}-server.key"
        openssl(*new, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext",
                "basicConstraints=critical,CA:false", "-CA", self.certificate, "-CAkey", self.key, "-out", self.server,
                "-keyout", self.server_key)


@pytest.fixture(scope="module")
def folder(run_folder):
    made = run_folder / "tls"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder, "ours")


@pytest.fixture(scope="module")
def stranger(folder):
    return Authority(folder, "stranger")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TestPostgreSQL:
    @pytest.fixture(scope="class")
    def port(self, folder, authority):
        """The port of a PostgreSQL that speaks TLS."""
        port, services = free_port(), folder / "services"
        services.mkdir(mode=0o755)

        def run(what):
            command = [ROOT / "scripts/services", what, "--fast", "--port", str(port), services]
            return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

        run("start-postgres")
        data = services / "postgres/data"
        for source, name in ((authority.server, "server.crt"), (authority.server_key, "server.key")):
            shutil.copy(source, data / name)
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
            (data / name).chmod(0o600)
        plain = next(line.split("=", 1)[1] for line in run("env").split() if line.startswith("DATABASE_URL="))
        psql(plain, "ALTER SYSTEM SET ssl = on")
        psql(plain, "SELECT pg_reload_conf()")
        yield port
        run("stop")

    def url(self, port, authority, host="localhost"):
        return f"postgresql://{host}:{port}/talelio?user=talelio&sslmode=verify-full&sslrootcert={authority.certificate}"

    def test_everything_goes_over_tls(self, make_server, port, authority):
        server = make_server(postgres=self.url(port, authority)).start()
        author = server.author()
        # more than one record of TLS, and many statements at once
        for n in range(4):
            assert author.publish(f"Long {n}", "A paragraph.\n\n" * 20000).status == 201
        articles = author.get(f"/v1/users/{author.username}/articles").json["articles"]
        assert [len(article["body"]) for article in articles] == [280000] * 4
        connections = server.sql(
            "SELECT count(*), bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        count, encrypted = connections.split("|")
        assert int(count) >= 2 and encrypted == "t"
        server.stop()

    @pytest.mark.parametrize("wrong", ["authority", "name"])
    def test_a_certificate_that_does_not_fit_is_refused(self, make_server, port, authority, stranger, wrong):
        # given a server that knows its database, and then an authority or a host that does not fit the certificate
        good = make_server(postgres=self.url(port, authority))
        server = make_server(share=good)
        server.database = (
            good.database.replace(str(authority.certificate), str(stranger.certificate))
            if wrong == "authority"
            else good.database.replace("//localhost", "//127.0.0.1")
        )
        server.write_config()

        # then no command works, and each says why
        refused = server.run("migrate")
        assert refused.returncode == 1
        assert {"authority": "certificate verify failed", "name": "does not match host name"}[wrong] in refused.stderr
        for command in ("serve", "check"):
            refused = server.run(command)
            assert refused.returncode == 1
            assert "check sslmode, sslrootcert and the host in [postgres] url" in refused.stderr.splitlines()[-1]


class MailHandler(socketserver.StreamRequestHandler):
    """Takes mail, over TLS from the start or after STARTTLS; says AUTH, MAIL and the rest only behind TLS."""

    def say(self, *lines):
        self.wfile.write("".join(line + "\r\n" for line in lines).encode())

    def encrypt(self):
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def handle(self):
        try:
            encrypted = self.server.tls_first
            if encrypted:
                self.encrypt()
            self.say("220 localhost ESMTP")
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                self.server.heard.append((encrypted, line))
                word = line.split()[0].upper()
                if word == "EHLO":
                    self.say("250-localhost", "250 AUTH PLAIN" if encrypted else "250 STARTTLS")
                elif word == "STARTTLS" and not encrypted:
                    self.say("220 go on")
                    self.encrypt()
                    encrypted = True
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                elif not encrypted:
                    self.say("530 STARTTLS first")
                elif word == "AUTH":
                    self.say("334 ")
                    self.server.login = self.rfile.readline().decode().strip()
                    self.say("235 welcome")
                elif word == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        lines.append(text)
                    self.server.mails.append(b"".join(lines).decode())
                    self.say("250 taken")
                else:
                    self.say("250 fine")
        except (ssl.SSLError, ConnectionError):
            pass


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, authority, tls_first):
        super().__init__(("127.0.0.1", 0), MailHandler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(authority.server, authority.server_key)
        self.tls_first, self.heard, self.mails, self.login = tls_first, [], [], None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def settings(self, authority):
        return {
            "driver": "smtp",
            "smtp_url": f"{'smtps' if self.tls_first else 'smtp'}://localhost:{self.server_address[1]}",
            "smtp_username": "site",
            "smtp_password": "smtp-secret",
            "smtp_ca_file": authority.certificate,
        }


class TestMail:
    @pytest.fixture(params=["STARTTLS", "TLS"])
    def mail_server(self, request, authority):
        server = MailServer(authority, tls_first=request.param == "TLS")
        yield server
        server.shutdown()
        server.server_close()

    def test_it_goes_out_encrypted(self, make_server, authority, mail_server):
        # given a mail server that takes nothing in the clear
        server = make_server({"mail": mail_server.settings(authority)}).start()

        # when somebody registers, then the mail arrives, and login, sender and text came behind TLS
        client = server.client()
        assert client.register().status == 201
        eventually(lambda: mail_server.mails)
        assert client.email in mail_server.mails[0]
        assert mail_server.login == "AHNpdGUAc210cC1zZWNyZXQ="  # base64 of "\0site\0smtp-secret"
        assert {line.split()[0] for encrypted, line in mail_server.heard if not encrypted} <= {"EHLO", "STARTTLS"}
        eventually(lambda: server.sql("SELECT count(*) FROM mail_outbox") == "0")
        server.stop()

    def test_an_authority_that_does_not_fit_gets_nothing(self, make_server, stranger, mail_server):
        server = make_server({"mail": mail_server.settings(stranger)}).start()
        assert server.client().register().status == 201
        reason = eventually(lambda: server.sql("SELECT last_error FROM mail_outbox WHERE attempts > 0"))
        assert "certificate" in reason.lower()
        assert mail_server.mails == [] and mail_server.login is None
        server.stop()
