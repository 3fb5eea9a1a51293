"""The scripts themselves."""

import re
import subprocess

from server import ROOT

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
