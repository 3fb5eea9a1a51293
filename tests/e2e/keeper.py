"""Ends what a run of the tests has left behind, whichever way the run has ended: passed, stopped at the first failure, interrupted
or killed. Servers have sessions of their own, and PostgreSQL, Redis and Ceph run in the background, so nobody else would.

`Keeper(folder)` starts a process that outlives the tests. Once they have ended, it ends every process that has this folder as its
working folder, among its arguments or in its environment, and removes the folder.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time


class Keeper:
    def __init__(self, folder):
        # What it waits for is the end of this pipe, which comes even if the tests are killed: nobody else has its other end.
        self.process = subprocess.Popen(
            [sys.executable, "-B", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
        )
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()

    def end(self):
        """Says what was left to end, as lines of a pid and a command."""
        return self.process.communicate()[0].splitlines()


def belongs(pid, folder):
    process = pathlib.Path("/proc", pid)
    try:
        if os.readlink(process / "cwd").startswith(folder.decode()):
            return True
        return any(folder in (process / what).read_bytes() for what in ("cmdline", "environ"))
    except OSError:
        return False


def command(pid):
    try:
        return pathlib.Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def end_all(folder):
    """Says what it found. It looks until there are none, for one may start another meanwhile."""
    asked = {}
    for turn in range(400):
        found = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid() and belongs(pid, folder)]
        if not found:
            break
        for pid in found:
            # PostgreSQL frees its shared memory when it is asked to stop, and never when it is killed.
            how = signal.SIGKILL if turn > 60 else None if pid in asked else signal.SIGINT
            asked.setdefault(pid, command(pid))
            try:
                os.kill(int(pid), how or 0)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
    return asked


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    folder = sys.stdin.readline().strip()
    sys.stdin.read()
    if not folder:
        return
    found = end_all(folder.encode())
    shutil.rmtree(folder, ignore_errors=True)
    try:
        print(*(f"{pid} {what}" for pid, what in found.items()), sep="\n", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the tests are gone


if __name__ == "__main__":
    main()
