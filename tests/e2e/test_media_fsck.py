"""What differs between the table of images and the storage: where that comes from, `talelio media fsck`, and the job that
sweeps. Objects of a bucket that are older than an hour are in test_media_outages.py: no real one lets its objects age."""

import os
import signal
import threading

import pytest

from images import MAKERS, png
from server import eventually, http_worker
from test_media import key_of, keys, listed, media_server, object_files, paths, upload


@pytest.fixture(params=["dir", "s3"])
def store(request, make_server):
    """A server of its own: what is found here must not be anybody else's."""
    running = media_server(make_server, request.param)
    yield running
    running.stop()


@pytest.fixture
def folder_store(make_server):
    running = media_server(make_server, "dir")
    yield running
    running.stop()


def fsck(server, *words):
    result = server.run("media", "fsck", *words)
    return result.returncode, result.stdout, result.stderr


def well(server):
    code, out, err = fsck(server)
    assert code == 0 and " 0 repaired" in out, out + err
    return out


def age(server, key):
    """An object of the folder driver becomes two hours older."""
    file = object_files(server)[key]
    then = file.stat().st_mtime - 7200
    os.utime(file, (then, then))


def remove(server, key):
    if server.s3:
        server.s3.delete_object(Bucket=server.bucket, Key=key)
    else:
        object_files(server)[key].unlink()


def shorten(server, key):
    """The object loses a byte."""
    if server.s3:
        data = server.s3.get_object(Bucket=server.bucket, Key=key)["Body"].read()
        server.s3.put_object(Bucket=server.bucket, Key=key, Body=data[:-1], ContentType="image/png")
    else:
        file = object_files(server)[key]
        file.write_bytes(file.read_bytes()[1:])


def retype(server, key):
    """The object is said to be something else."""
    if server.s3:
        data = server.s3.get_object(Bucket=server.bucket, Key=key)["Body"].read()
        server.s3.put_object(Bucket=server.bucket, Key=key, Body=data, ContentType="text/html")
    else:
        file = object_files(server)[key]
        file.write_bytes(file.read_bytes().replace(b"type image/png", b"type text/html"))


def name(image):
    return image.rsplit("/", 1)[1]


class TestFsck:
    def test_all_is_well(self, store):
        upload(store.author(), *[maker() for maker in MAKERS.values()])
        expected = (
            "4 images, 4 objects: 0 images without object, 0 of another size, 0 of another type, 0 objects without image, "
            "0 interrupted uploads; 0 repaired"
        )
        assert expected in well(store)
        code, out, _ = fsck(store, "--types")
        assert code == 0 and expected in out

    def test_an_image_without_object(self, store):
        author = store.author()
        kept, lost = paths(upload(author, png(), png()))
        remove(store, key_of(store, lost))
        code, out, _ = fsck(store)
        assert code == 1 and f"image without object: {key_of(store, lost)}\n" in out and key_of(store, kept) not in out
        assert len(listed(author)) == 2
        code, out, _ = fsck(store, "--repair")
        assert code == 0 and f"image without object: {key_of(store, lost)}, removed\n" in out
        assert [image["file"] for image in listed(author)] == [name(kept)]
        assert author.get(kept).body == png()
        well(store)

    def test_an_object_without_image_that_is_young_may_be_an_upload_and_stays(self, store):
        kept, orphan = paths(upload(store.author(), png(), png()))
        key = key_of(store, orphan)
        store.sql(f"DELETE FROM images WHERE file = '{name(orphan)}'")
        code, out, _ = fsck(store)
        assert code == 1 and f"object without image: {key} ({len(png())} bytes)\n" in out
        code, out, _ = fsck(store, "--repair")
        assert code == 1 and f"object without image: {key} ({len(png())} bytes), kept: younger than an hour\n" in out
        assert keys(store) == {key, key_of(store, kept)}

    def test_an_object_without_image_that_is_old_is_removed(self, folder_store):
        kept, orphan = paths(upload(folder_store.author(), png(), png()))
        key = key_of(folder_store, orphan)
        folder_store.sql(f"DELETE FROM images WHERE file = '{name(orphan)}'")
        age(folder_store, key)
        age(folder_store, key_of(folder_store, kept))
        assert fsck(folder_store)[0] == 1 and key in keys(folder_store)
        code, out, _ = fsck(folder_store, "--repair")
        assert code == 0 and f"object without image: {key} ({len(png())} bytes), removed\n" in out
        assert keys(folder_store) == {key_of(folder_store, kept)}
        well(folder_store)

    def test_an_object_of_another_size(self, store):
        author = store.author()
        kept, cut = paths(upload(author, png(), png()))
        key = key_of(store, cut)
        shorten(store, key)
        assert author.get(cut).status == 502
        told = f"image of another size: {key} ({len(png()) - 1} bytes instead of {len(png())})"
        code, out, _ = fsck(store)
        assert code == 1 and told + "\n" in out and key in keys(store)
        code, out, _ = fsck(store, "--repair")
        assert code == 0 and told + ", removed\n" in out
        assert keys(store) == {key_of(store, kept)} and author.get(cut).status == 404
        well(store)

    def test_an_object_of_another_type_is_found_when_asked_for(self, store):
        author = store.author()
        kept, changed = paths(upload(author, png(), png()))
        key = key_of(store, changed)
        retype(store, key)
        well(store)
        told = f"image of another type: {key} (text/html instead of image/png)"
        code, out, _ = fsck(store, "--types")
        assert code == 1 and told + "\n" in out and key_of(store, kept) not in out
        code, out, _ = fsck(store, "--types", "--repair")
        assert code == 0 and told + ", put right\n" in out
        assert fsck(store, "--types")[0] == 0
        assert author.get(changed).body == png()
        if store.s3:
            found = store.s3.get_object(Bucket=store.bucket, Key=key)
            assert (found["ContentType"], found["CacheControl"]) == ("image/png", "public, max-age=31536000, immutable")

    def test_an_interrupted_upload(self, store):
        kept, pending, recent = paths(upload(store.author(), *[png()] * 3))
        key = {image: key_of(store, image) for image in (kept, pending, recent)}
        store.sql(f"UPDATE images SET ready = false, created_at = now() - interval '2 hours' WHERE file = '{name(pending)}'")
        store.sql(f"UPDATE images SET ready = false WHERE file = '{name(recent)}'")
        code, out, _ = fsck(store)
        assert code == 1 and f"interrupted upload: {key[pending]}\n" in out and key[recent] not in out
        code, out, _ = fsck(store, "--repair")
        assert code == 0 and f"interrupted upload: {key[pending]}, removed\n" in out
        # then the one that may be under way has been left alone
        assert keys(store) == {key[kept], key[recent]}
        assert store.sql("SELECT string_agg(file, ' ' ORDER BY id) FROM images") == f"{name(kept)} {name(recent)}"

    def test_what_is_none_of_an_image_is_left_alone(self, folder_store):
        upload(folder_store.author(), png())
        folder = folder_store.folder / "objects"
        file = next(iter(object_files(folder_store).values()))
        for other in ("other=", "1/images/notes.txt=", "01/images/" + file.name, "1/avatars/" + file.name):
            (folder / other).parent.mkdir(parents=True, exist_ok=True)
            (folder / other).write_bytes(file.read_bytes())
        before = keys(folder_store)
        assert len(before) == 5
        for key in before:
            age(folder_store, key)
        code, out, _ = fsck(folder_store, "--repair")
        assert code == 0 and out.count("no key of an image, left alone: ") == 4 and keys(folder_store) == before

    def test_a_storage_without_any_of_the_images_is_not_repaired(self, store):
        # given objects that are all gone: another bucket, or a disk that is not mounted
        images = paths(upload(store.author(), png(), png()))
        for image in images:
            remove(store, key_of(store, image))
        code, out, _ = fsck(store)
        assert code == 1 and "2 images without object" in out
        code, out, err = fsck(store, "--repair")
        assert (code, out) == (1, "")
        assert "the storage has none of the images: is it the right one? Nothing has been changed" in err
        assert store.sql("SELECT count(*) FROM images") == "2"

    def test_it_goes_through_many_pages(self, store):
        authors = [store.author() for _ in range(3)]
        for author in authors:
            for _ in range(30):
                upload(author, *[png()] * 16)
        assert "1440 images, 1440 objects" in well(store)
        # given one gone at the end of a page, one in the middle, and one user's last
        files = [line.split("|") for line in store.sql("SELECT user_id, file FROM images ORDER BY user_id, file").splitlines()]
        gone = [files[0], files[999], files[1000], files[-1]]
        for user, file in gone:
            remove(store, f"{user}/images/{file}")
        store.sql(f"DELETE FROM images WHERE file = '{files[500][1]}' OR file = '{files[1200][1]}'")
        code, out, _ = fsck(store)
        assert code == 1 and "4 images without object, 0 of another size, 0 of another type, 2 objects without image" in out
        assert all(f"image without object: {user}/images/{file}" in out for user, file in gone)

    def test_it_harms_nothing_that_goes_on_meanwhile(self, store):
        # given visitors who upload and delete all the time
        authors, over, kept = [store.author() for _ in range(3)], threading.Event(), []

        def visit(author):
            while not over.is_set():
                first, second = paths(upload(author, png(), png()))
                assert author.delete(first).status == 204
                kept.append((author, second))

        threads = [threading.Thread(target=visit, args=(author,)) for author in authors]
        for thread in threads:
            thread.start()
        for _ in range(5):
            code, out, err = fsck(store, "--repair")
            assert "could not be" not in out and err == "", out + err
        over.set()
        for thread in threads:
            thread.join()
        # then every image that was kept is there, and nothing else
        assert kept and all(author.get(image).body == png() for author, image in kept)
        assert f"{len(kept)} images, {len(kept)} objects: " in well(store)

    def test_it_wants_to_be_asked_rightly(self, folder_store):
        for words in ([], ["check"], ["fsck", "--force"], ["fsck", "--repair", "x"]):
            result = folder_store.run("media", *words)
            assert result.returncode == 1 and "usage: talelio media fsck [--repair] [--types]" in result.stderr


class TestKilled:
    def test_a_worker_that_is_killed_before_an_upload_is_ready(self, store):
        # given a database that takes its time for the last step
        author = store.author()
        whole = paths(upload(author, png(), png()))
        store.sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RAISE 'no'; END $$")
        store.sql("CREATE TRIGGER slow BEFORE UPDATE ON images FOR EACH STATEMENT EXECUTE FUNCTION slow()")
        answered = []

        def post():
            try:
                answered.append(upload(author, *[png()] * 4))
            except OSError:
                pass

        thread = threading.Thread(target=post)
        thread.start()
        eventually(lambda: len(keys(store)) == 6)
        # when it is killed
        os.kill(http_worker(store), signal.SIGKILL)
        thread.join()
        store.sql("DROP TRIGGER slow ON images")
        eventually(lambda: author.get("/v1/health").status == 200)
        # then nothing of that upload is to be seen, and what is in the storage has rows that say so
        assert answered == [] and len(listed(author)) == 2
        assert keys(store) == set(store.sql("SELECT user_id || '/images/' || file FROM images").splitlines())
        # and nothing is touched while it might be under way, but swept later
        assert store.run("jobs", "run", "media", "sweep").returncode == 0
        assert len(keys(store)) == 6
        store.sql("UPDATE images SET created_at = now() - interval '61 minutes'")
        code, out, _ = fsck(store)
        assert code == 1 and "2 images, 6 objects: " in out and "4 interrupted uploads; 0 repaired" in out
        assert store.run("jobs", "run", "media", "sweep").returncode == 0
        assert keys(store) == {key_of(store, image) for image in whole}
        well(store)
