"""From the save of a plugin's source to the first answer of its new code, under `talelio dev`."""

import os
import subprocess
import time

from server import ROOT, TALELIO, Server

TIMES = 10
GREETING = 'tl_json_set_string(answer, "greeting", greeting);'


def dev(table, folder, until):
    """The compiler is measured by itself, on the same source, before every save: what is left is talelio's."""
    server = Server(folder / "dev", os.environ["TALELIO_TEST_POSTGRES"], os.environ["TALELIO_TEST_REDIS"], {})
    sources = server.folder / "sources"
    sources.mkdir()
    subprocess.run([TALELIO, "new-plugin", "book", sources / "book"], check=True, stdout=subprocess.DEVNULL)
    source, made = sources / "book/book.c", server.folder / "book.so"
    first = source.read_text()
    compiler = f"cc -O2 -g -shared -fPIC -fvisibility=hidden -I{ROOT}/include {source} -o "
    build = f"{compiler} {made}.draft && mv {made}.draft {made}"
    subprocess.run(build, shell=True, check=True)
    server.changes = {"plugin:book": {"enabled": "yes", "path": made, "migrations": sources / "book/migrations"}}
    server.write_config()
    assert server.run("migrate").returncode == 0
    server.start(words=("dev", "--plugins", sources, "--build", build))

    took, alone = [], []
    for number in range(1, TIMES + 1):
        until(lambda: server.log_text().count("is live") == number - 1)  # noqa: B023
        text = first.replace(GREETING, f'{GREETING} tl_json_set_int(answer, "save", {number});')
        assert text != first
        began = time.monotonic()
        subprocess.run(f"{compiler} {server.folder}/alone.so", shell=True, check=True)
        alone.append(time.monotonic() - began)
        began = time.monotonic()
        source.write_text(text)
        until(lambda: server.client().get("/v1/book/world").json.get("save") == number, every=0.005)  # noqa: B023
        took.append(time.monotonic() - began)
    server.stop()
    beyond = sorted(1000 * (whole - part) for whole, part in zip(took, alone))
    half = TIMES // 2
    table.note(f"# {TIMES} saves under talelio dev: live after p50 {1000 * sorted(took)[half]:.0f} ms; the compiler alone "
               f"p50 {1000 * sorted(alone)[half]:.0f} ms; beyond the compiler p50 {beyond[half]:.0f} ms, "
               f"longest {beyond[-1]:.0f} ms (expected: below 1000)")  # fmt: skip
