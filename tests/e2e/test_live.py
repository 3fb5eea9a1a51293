"""What an operator or a developer saves is live at once: watch mode, `talelio dev`."""

import re
import shutil
import time

import pytest

from load import ask
from server import BUILD, COMPILER, NOTE, compile_plugin, eventually

PLUGINS = BUILD / "tests/plugins"
TROUBLE = {"enabled": "yes", "path": PLUGINS / "trouble.so"}


class TestWatch:
    def serve(self, make_server):
        server = make_server()
        self.file = server.folder / "watched.so"
        shutil.copy(PLUGINS / "trouble.so", self.file)
        server.changes = {"server": {"watch": "yes"}, "plugin:trouble": {"enabled": "yes", "path": self.file}}
        server.write_config()
        server.start()
        assert ask(server, "status")["watch"]
        return server

    def generation(self, server):
        return ask(server, "status")["generation"]

    def test_a_changed_ini_file_is_read(self, make_server):
        server = self.serve(make_server)
        server.changes = {**server.changes, "plugin:trouble": None}
        server.write_config()
        eventually(lambda: server.client().get("/trouble/fine").status == 404)
        server.stop()

    @pytest.mark.parametrize("how", ["over", "beside"])
    def test_a_changed_plugin_is_loaded_once(self, make_server, how):
        server = self.serve(make_server)
        code = (PLUGINS / "trouble.so").read_bytes() + b"\0"
        if how == "over":
            self.file.write_bytes(code)
        else:
            draft = server.folder / "draft"
            draft.write_bytes(code)
            draft.rename(self.file)
        eventually(lambda: self.generation(server) == 2)
        assert "plugin trouble 1 replaced" in server.log_text()
        time.sleep(0.5)
        assert self.generation(server) == 2
        server.stop()

    def test_a_broken_one_is_refused_and_its_repair_is_noticed(self, make_server):
        server = self.serve(make_server)
        self.file.write_bytes(b"no plugin at all, but some text instead of it")
        eventually(lambda: "reload failed, generation 1 goes on serving" in server.log_text())
        assert server.client().get("/trouble/fine").status == 200
        self.file.write_bytes((PLUGINS / "trouble.so").read_bytes() + b"\0")
        eventually(lambda: self.generation(server) > 1)
        server.stop()


class TestDev:
    def serve(self, make_server, afterwards="true"):
        """A server with the plugin note, whose builder goes on with `afterwards`; the server's log is $LOG there."""
        server = make_server()
        sources = server.folder / "sources"
        (sources / "note").mkdir(parents=True)
        self.source = sources / "note/note.c"
        draft = f"{server.folder}/draft.so"
        compiled = f"{COMPILER} $PLUGIN_DIR/$PLUGIN.c -o {draft} && mv {draft} {server.folder}/$PLUGIN.so"
        build = f"LOG={server.log_path}; {compiled} && {afterwards}"
        self.save("1st.")
        compile_plugin(NOTE.replace("WORD", "1st."), server.folder / "note.so")
        server.changes = {"plugin:note": {"enabled": "yes", "path": server.folder / "note.so"}}
        server.write_config()
        server.start(words=("dev", "--plugins", sources, "--build", build))
        assert server.client().get("/note").body == b"1st."
        return server

    def save(self, word):
        self.source.write_text(NOTE.replace("WORD", word))

    def test_a_saved_source_is_live_and_one_that_does_not_compile_changes_nothing(self, make_server):
        # given a plugin with its source, and a way to build it
        server = self.serve(make_server)

        # when its source is saved, then the new code answers, and one line says so
        self.save("2nd.")
        eventually(lambda: server.client().get("/note").body == b"2nd.")
        eventually(lambda: re.search(r"dev: note is live [\d.]+ s after the save .* generation", server.log_text()))
        assert "plugin note 1 replaced" in server.log_text()

        # when it does not compile, then the compiler's words are shown, and what served goes on
        self.source.write_text("this is no C\n")
        eventually(lambda: "note does not compile" in server.log_text())
        assert "note.c:1:1: error" in server.log_text()
        assert server.client().get("/note").body == b"2nd."

        self.save("3rd.")
        eventually(lambda: server.client().get("/note").body == b"3rd.")
        assert server.stop() == 0

    def test_a_file_that_watch_mode_loads_before_its_builder_ends_is_said_to_be_live(self, make_server):
        server = self.serve(make_server, afterwards='until grep -q "generation 2 serves" "$LOG"; do sleep 0.1; done')
        self.save("2nd.")
        eventually(lambda: "dev: note is live" in server.log_text())
        assert server.client().get("/note").body == b"2nd."
        assert server.stop() == 0
