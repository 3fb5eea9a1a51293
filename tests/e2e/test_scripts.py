"""The scripts themselves."""

import os
import re
import shutil
import signal
import subprocess

from server import ROOT, eventually

# These close their input once they know enough: what still writes to it dies of SIGPIPE, and `pipefail` ends the script
# with 141, but only at times. A file or a variable between the two has no such race.
STOPS_READING = re.compile(r"\|\s*(head\b|grep\s+(-\w*[qm]|--quiet|--max-count)|sed\s[^|]*\bq['\"\s;]|awk\s[^|]*\bexit\b)")


def test_no_script_pipes_into_a_command_that_stops_reading_early():
    # given every shell script of the project
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    scripts = [ROOT / name for name in files if re.match(rb"#!.*\bbash|# Shared by the scripts", (ROOT / name).read_bytes())]
    assert len(scripts) > 5

    # when each of their lines is read
    lines = [(path, line) for path in scripts for line in path.read_text().splitlines()]

    # then none can fail because the reader had enough
    assert [(path.name, line.strip()) for path, line in lines if STOPS_READING.search(line)] == []


class TestServe:
    """With a talelio that only says that it serves, as what scripts/serve itself does is the question, and building takes minutes."""

    TALELIO = """#!/bin/sh
        case $1 in
        status) echo "http://localhost:$PORT  serves (pid 1)" ;;
        serve) cp .env served.env && exec sleep 600 ;;
        esac"""

    def folder(self, tmp_path):
        shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
        for name, text in (("bin/cmake", "#!/bin/sh"), ("bin/ninja", "#!/bin/sh\necho '[1/1] all'"), ("build/talelio", self.TALELIO)):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        return tmp_path

    def serve(self, folder, **env):
        """What it says until it is stopped; the .env that the server had."""
        variables = {"DATABASE_URL": "postgresql:///x", "REDIS_ADDRESS": "/x", "PATH": f"{folder}/bin:{os.environ['PATH']}"}
        with open(folder / "said", "wb") as said:
            process = subprocess.Popen([folder / "scripts/serve"], env={**os.environ, **variables, **env}, stdout=said, stderr=said,
                                       start_new_session=True)  # fmt: skip
        try:
            eventually(lambda: "Ctrl-C stops the server" in (folder / "said").read_text() or process.poll() is not None)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        return (folder / "said").read_text(), (folder / "served.env").read_text().splitlines()

    def test_a_port_that_is_given_once_and_lines_of_ones_own_stay(self, tmp_path):
        # given a first start, with a port
        folder = self.folder(tmp_path)
        said, env = self.serve(folder, PORT="5300")
        assert "Serves on http://localhost:5300/v1" in said and "scripts/sample" in said and "var/mail" in said
        assert [line.split("=")[0] for line in env[1:]] == ["AUTH_SECRET", "PORT"] and env[-1] == "PORT=5300"

        # when somebody adds a line, and it is started without one
        with open(folder / ".env", "a") as file:
            file.write("SITE_URL=http://localhost:3100\n")
        _, again = self.serve(folder)

        # then both are there, also beside another port
        assert again == [*env, "SITE_URL=http://localhost:3100"]
        _, moved = self.serve(folder, PORT="5400")
        assert moved[-2:] == ["SITE_URL=http://localhost:3100", "PORT=5400"]

    def test_an_env_of_ones_own_is_left_alone(self, tmp_path):
        folder = self.folder(tmp_path)
        (folder / ".env").write_text("PORT=5300\n")
        self.serve(folder, PORT="5400")
        assert (folder / ".env").read_text() == "PORT=5300\n"
