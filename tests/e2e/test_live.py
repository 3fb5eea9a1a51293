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

    def test_a_source_in_any_folder_of_the_plugin_counts(self, make_server):
        # given a plugin that includes what lies in folders of its own, also in one that is made later
        server = self.serve(make_server)
        word = self.source.parent / "parts/word.h"
        word.parent.mkdir()
        word.write_text('#define THE_WORD "2nd."\n')
        self.source.write_text(NOTE.replace('"WORD"', "THE_WORD").replace("#include", '#include "parts/word.h"\n#include', 1))
        eventually(lambda: server.client().get("/note").body == b"2nd.")

        # when only that is saved, then it is built and live
        word.write_text('#define THE_WORD "3rd."\n')
        eventually(lambda: server.client().get("/note").body == b"3rd.")
        assert server.stop() == 0

    def test_what_plugins_share_is_built_into_those_that_there_are(self, make_server):
        server = self.serve(make_server)
        shared = self.source.parent.parent / "shared"
        shared.mkdir()
        (shared / "word.h").write_text('#define THE_WORD "2nd."\n')
        self.source.write_text(NOTE.replace('"WORD"', "THE_WORD").replace("#include", '#include "../shared/word.h"\n#include', 1))
        eventually(lambda: server.client().get("/note").body == b"2nd.")
        (shared / "word.h").write_text('#define THE_WORD "3rd."\n')
        eventually(lambda: server.client().get("/note").body == b"3rd.")
        assert "shared" not in server.log_text()
        assert server.stop() == 0

    def test_one_reload_tells_what_it_has_changed_however_long_the_builder_goes_on(self, make_server):
        # given a builder that goes on for a while after the file is there, as watch mode would see it
        server = self.serve(make_server, afterwards="sleep 0.5")
        self.save("2nd.")
        told = eventually(lambda: re.search(r"dev: note is live .*", server.log_text())).group()

        # then watch mode has left it to the builder, and does not load it once more
        assert told.endswith("generation 2: plugin note 1 replaced")
        time.sleep(0.5)
        assert ask(server, "status")["generation"] == 2
        assert server.client().get("/note").body == b"2nd."

        # and what else is watched is still heeded
        server.changes = {**server.changes, "plugin:users": {"enabled": "no"}}
        server.write_config()
        eventually(lambda: ask(server, "status")["generation"] == 3)
        assert server.stop() == 0

    def test_what_a_missing_migration_holds_up_goes_live_once_that_is_applied(self, make_server):
        # given a migration that is not applied yet
        server = self.serve(make_server)
        migrations = server.folder / "migrations"
        migrations.mkdir()
        (migrations / "0001_note.sql").write_text("CREATE TABLE plugin_note (id bigint);\n")
        server.changes["plugin:note"]["migrations"] = migrations
        server.write_config()
        eventually(lambda: "reload failed" in server.log_text())

        # when a source is saved, then it is not live, and it is said what to do
        self.save("2nd.")
        eventually(lambda: "dev: note is built, but not live" in server.log_text())
        assert "of plugin note is at 0000, this server needs 0001: run \"talelio migrate\"" in server.log_text()
        assert server.client().get("/note").body == b"1st."

        # when that is done, then it is live without another save
        migrated = server.run("migrate")
        assert migrated.returncode == 0 and "replaced plugin note" in migrated.stdout, migrated.stderr
        assert server.client().get("/note").body == b"2nd."
        assert server.stop() == 0

    def test_one_that_is_not_enabled_is_not_said_to_be_live(self, make_server):
        server = self.serve(make_server)
        server.changes["plugin:note"]["enabled"] = "no"
        server.write_config()
        eventually(lambda: server.client().get("/note").status == 404)
        self.save("2nd.")
        eventually(lambda: "dev: note is built, but not enabled: `talelio plugin enable note`" in server.log_text())
        assert server.stop() == 0
