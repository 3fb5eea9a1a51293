"""`talelio import`: what the service before this one has kept becomes this one's. Its tables and its bucket are made here, of the
same shape and with its own algorithms."""

import hashlib
import os
import re
import secrets
import signal
import subprocess
import urllib.parse

import pytest

from images import gif, jpeg, photo, png, webp
from server import PATIENCE, eventually, psql
from storage import ENDPOINT, Wire, keys_in, new_bucket, s3_client, s3_section

SITE = "https://api.example.org"
OLD_API = "https://api.talel.io"
UUID = "0a1b2c3d-0000-4000-8000-00000000000"

# Columns, types and rules as that service made them; times without a zone are those of Berlin.
TABLES = """
CREATE TABLE account (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'Europe/Berlin'),
    updated_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'Europe/Berlin'),
    email varchar(255) UNIQUE NOT NULL,
    password varchar(134) NOT NULL,
    verified boolean NOT NULL DEFAULT false
);
CREATE TABLE "user" (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer UNIQUE REFERENCES account (id) ON DELETE CASCADE,
    created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'Europe/Berlin'),
    updated_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'Europe/Berlin'),
    username varchar(20) UNIQUE NOT NULL,
    location varchar(50),
    avatar_url varchar(255)
);
CREATE TABLE article (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id integer REFERENCES "user" (id) ON DELETE CASCADE,
    created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'Europe/Berlin'),
    updated_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'Europe/Berlin'),
    title varchar(255) NOT NULL,
    slug text UNIQUE NOT NULL,
    body text NOT NULL,
    html text NOT NULL,
    meta_description text NOT NULL,
    table_of_contents text NOT NULL,
    featured_image varchar(255) NOT NULL,
    url text NOT NULL
);
"""


def earlier_hash(password, salt="AbCdE"):
    return hashlib.sha3_512((password + salt).encode()).hexdigest() + "," + salt


def literal(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


class Earlier:
    """The service before this one, as far as it is kept: a database and a bucket."""

    def __init__(self, postgres):
        name = "e" + secrets.token_hex(8)
        psql(postgres, f"CREATE DATABASE {name}")
        self.url = re.sub(r"/[A-Za-z0-9]+\?", f"/{name}?", postgres, count=1)
        self.sql(TABLES)
        self.s3 = s3_client()
        self.bucket = new_bucket(self.s3)

    def sql(self, statement):
        return psql(self.url, statement)

    def insert(self, table, **values):
        columns, texts = ", ".join(values), ", ".join(map(literal, values.values()))
        return self.sql(f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE VALUES ({texts}) RETURNING id')

    def account(self, email="talel@example.org", username="talel", password="secret", user=None, **rest):
        """The ids of account and user."""
        account = self.insert("account", **{"email": email, "password": earlier_hash(password), **rest})
        user = {"username": username, "location": "", "avatar_url": "default.jpg", **(user or {})}
        return account, self.insert("user", account_id=account, **user)

    def article(self, user_id, slug="hello", **rest):
        values = {"title": "Hello", "body": "# Hello", "meta_description": "About", "featured_image": "/x.jpg", **rest}
        made = {"html": "<h1 id='old'>old</h1>", "table_of_contents": "old", "url": "https://www.talel.io/articles/" + slug}
        return self.insert("article", user_id=user_id, slug=slug, **values, **made)

    def image(self, key, data):
        """As it was uploaded there: without a type."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        return key

    def in_bucket(self, key):
        return f"https://s3-eu-central-1.amazonaws.com/media/{key}"


@pytest.fixture
def earlier(run_folder):
    return Earlier(os.environ["TALELIO_TEST_POSTGRES"])


@pytest.fixture
def make_heir(make_server, earlier):
    """A server that is to take over; `media` keeps its images."""

    def make(media=None, endpoint=ENDPOINT, **options):
        return make_server(
            {
                "store:media": media or {"driver": "dir", "folder": "objects"},
                "store:earlier": s3_section(earlier.bucket, endpoint=endpoint),
                "plugin:media": {"enabled": "yes", "api_url": SITE},
                "plugin:import": {
                    "enabled": "yes",
                    "database_url": earlier.url,
                    "store": "earlier",
                    "image_addresses": f"{OLD_API}, https://s3-eu-central-1.amazonaws.com/media/",
                    **options,
                },
            }
        )

    return make


@pytest.fixture
def heir(make_heir):
    return make_heir()


def take_over(server, *words):
    result = server.run("import", *words)
    assert "AddressSanitizer" not in result.stderr, result.stderr
    return result.returncode, result.stdout + result.stderr


def state(server):
    """All that an import can change."""
    tables = ("accounts", "users", "articles", "images", "article_counts")
    rows = {table: server.sql(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables}
    sequences = server.sql("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
    return rows, sequences


def fill(earlier, pictures=1):
    """A little of everything."""
    account, user = earlier.account(verified="t", user={"avatar_url": f"{OLD_API}/v1/users/talel/images/me_{UUID}1.png"})
    earlier.image(f"{user}/images/me_{UUID}1.png", png())
    for n in range(pictures):
        earlier.image(f"{user}/images/picture{n}_{UUID}1.JPG", jpeg(width=4 + n))
    address = earlier.in_bucket(f"{user}/images/picture0_{UUID}1.JPG")
    earlier.article(user, body=f"![one]({address})", featured_image=address)
    earlier.article(user, slug="second")
    return account, user


class TestTables:
    def test_accounts_keep_ids_times_and_whether_they_are_verified(self, earlier, heir):
        # given an account of summer and one of winter, whose users were changed later or not
        one = earlier.account(created_at="2023-07-01 12:00:00.123456", updated_at="2023-07-01 12:00:00.123456", verified="t")
        two = earlier.account("Two@Example.org", "Two", created_at="2024-01-01 00:30:00", updated_at="2024-02-01 00:00",
                              user={"id": 50, "location": "Malmö", "created_at": "2024-01-01 00:30:00"})  # fmt: skip
        # when
        code, report = take_over(heir)
        # then
        assert code == 0, report
        assert "accounts   2 taken over, 0 there already, 0 left out" in report
        accounts = heir.sql("SET timezone = 'UTC'; SELECT id, email, verified, created_at, updated_at FROM accounts ORDER BY id")
        assert accounts.splitlines() == [
            f"{one[0]}|talel@example.org|t|2023-07-01 10:00:00.123456+00|",
            f"{two[0]}|Two@Example.org|f|2023-12-31 23:30:00+00|2024-01-31 23:00:00+00",
        ]
        users = heir.sql("SELECT id, account_id, username, location, avatar_url FROM users ORDER BY id").splitlines()
        assert users == [f"{one[1]}|{one[0]}|talel||default.jpg", f"50|{two[0]}|Two|Malmö|default.jpg"]

    def test_times_with_a_zone_are_taken_as_they_are(self, earlier, heir):
        for table in ("account", "user", "article"):
            for column in ("created_at", "updated_at"):
                earlier.sql(f'ALTER TABLE "{table}" ALTER {column} TYPE timestamptz')
        _, user = earlier.account()
        earlier.article(user, created_at="2020-02-29 23:59:59.5+05:30", updated_at="1986-06-05 00:00:00Z")
        assert take_over(heir)[0] == 0
        times = heir.sql("SET timezone = 'UTC'; SELECT created_at, updated_at FROM articles")
        assert times == "2020-02-29 18:29:59.5+00|1986-06-05 00:00:00+00"

    def test_articles_keep_slugs_and_are_rendered_anew(self, earlier, heir):
        # given slugs that this service would not make: letters taken apart, underscores, blanks, as long as a title
        _, user = earlier.account()
        slugs = ["\u1112\u1161\u11ab\u1100\u1173\u11af", "привет-мир", "-a_b\tc-", "x" * 255, "sluß"]
        ids = [earlier.article(user, slug=slug, title="T", body="# Wörld\n\n## B", featured_image="") for slug in slugs]
        # when
        code, report = take_over(heir)
        # then
        assert code == 0 and "articles   5 taken over" in report, report
        heir.start()
        for id, slug in zip(ids, slugs):
            answer = heir.client().get("/v1/articles/" + urllib.parse.quote(slug))
            assert answer.status == 200, (slug, answer)
            article = answer.json["article"]
            assert article["id"] == int(id) and article["slug"] == slug and article["featured_image"] is None
            assert article["html"].startswith('<h1 id="world">Wörld</h1>') and article["updated_at"] is None
            assert article["url"] == "https://www.talel.io/articles/" + slug
        assert heir.client().get("/v1/users/talel/articles").headers["x-total-count"] == "5"
        heir.stop()

    def test_new_ids_follow_behind(self, earlier, heir):
        earlier.account(id=700, user={"id": 900})
        earlier.article(900, id=800)
        assert take_over(heir)[0] == 0
        heir.start()
        author = heir.author()
        assert heir.sql(f"SELECT account_id, id FROM users WHERE username = '{author.username}'") == "701|901"
        assert author.publish().json["article"]["id"] == 801
        heir.stop()

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"email": "a@localhost"}, "email"),
            ({"email": "a b@example.org"}, "email"),
            ({"password": "x"}, None),
            ({"username": "talel.io"}, "username"),
            ({"username": "två"}, "username"),
            ({"created_at": "infinity"}, "times"),
            ({"user": {"avatar_url": "javascript:alert(1)"}}, "avatar"),
        ],
    )
    def test_accounts_against_the_rules_are_told_and_left_out_with_their_articles(self, earlier, heir, values, why):
        account, user = earlier.account(**values)
        if why is None:
            earlier.sql("UPDATE account SET password = '$2b$12$abcdefghijklmnopqrstuv'")
            why = "password"
        article = earlier.article(user)
        earlier.account("good@example.org", "good")
        code, report = take_over(heir)
        assert code == 1
        assert re.search(rf"^account {account} \(user {user}\): left out: .*{why}", report, re.M), report
        assert re.search(rf"^article {article}: left out: .*user {user}", report, re.M), report
        assert heir.sql("SELECT username FROM users") == "good"

    def test_what_belongs_together_and_is_not_complete_is_told(self, earlier, heir):
        account = earlier.insert("account", email="a@example.org", password=earlier_hash("x"))
        user = earlier.insert("user", username="lonely")
        article = earlier.article(None)
        code, report = take_over(heir)
        assert code == 1
        assert f"account {account}: left out: it has no user" in report
        assert f"user {user}: left out: it has no account" in report
        assert f"article {article}: left out: it has no author" in report

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"title": " "}, "title"),
            ({"slug": ""}, "slug"),
            ({"slug": "a/b"}, "slug"),
            ({"meta_description": "x" * 501}, "description"),
            ({"body": "x" * 524289}, "body"),
            ({"featured_image": "x.jpg"}, "featured image"),
            ({"updated_at": "-infinity"}, "times"),
        ],
    )
    def test_articles_against_the_rules_are_told_and_left_out(self, earlier, heir, values, why):
        _, user = earlier.account()
        bad, good = earlier.article(user, **{"slug": "bad", **values}), earlier.article(user, "good")
        code, report = take_over(heir)
        assert code == 1
        assert re.search(rf"^article {bad}: left out: .*{why}", report, re.M), report
        assert "articles   1 taken over, 0 there already, 1 left out" in report
        assert heir.sql("SELECT id FROM articles") == good

    def test_what_is_here_already_is_never_changed(self, earlier, heir):
        # given a server with visitors of its own
        heir.start()
        author = heir.author(username="talel", email="talel@example.org")
        author.publish(title="Hello")
        heir.stop()
        before = state(heir)[0]
        # and an earlier service with the same id, email, username and slug in different rows
        same_id = earlier.account("other@example.org", "other")
        same_email = earlier.account("TALEL@example.org", "else")
        same_name = earlier.account("third@example.org", "TALEL")
        _, fine = earlier.account("fine@example.org", "fine")
        first, second = earlier.article(fine, "other"), earlier.article(fine, "hello")
        # when
        code, report = take_over(heir)
        # then
        assert code == 1
        assert f"account {same_id[0]} (user {same_id[1]}): left out: another account here has its id" in report
        assert f"account {same_email[0]} (user {same_email[1]}): left out: account 1 here has its email" in report
        assert f"account {same_name[0]} (user {same_name[1]}): left out: account 1 here has its username" in report
        assert f"article {first}: left out: another article here has its id" in report
        assert f"article {second}: left out: article 1 here has its slug" in report
        after = state(heir)[0]
        for table in ("accounts", "users", "articles"):
            assert before[table] in after[table]
        assert heir.sql("SELECT username FROM users WHERE id > 1") == "fine"

    def test_what_was_put_right_is_taken_over_by_the_next_run(self, earlier, heir):
        _, user = earlier.account(username="not.good")
        earlier.article(user)
        assert take_over(heir)[0] == 1
        earlier.sql("UPDATE \"user\" SET username = 'good'")
        code, report = take_over(heir)
        assert code == 0 and "accounts   1 taken over" in report and "articles   1 taken over" in report, report

    def test_more_rows_than_a_page(self, earlier, heir):
        _, user = earlier.account()
        earlier.sql(
            "INSERT INTO article (user_id, title, slug, body, html, meta_description, table_of_contents, featured_image, url)"
            f" SELECT {user}, 'T', 's' || n, 'b', '', '', '', '', '' FROM generate_series(1, 250) n"
        )
        code, report = take_over(heir)
        assert code == 0 and "articles   250 taken over" in report, report


class TestPasswords:
    def test_the_password_of_before_opens_and_is_hashed_anew(self, earlier, heir):
        # given
        earlier.account(password="kurz ü")
        assert take_over(heir)[0] == 0
        stored = heir.sql("SELECT password_hash FROM accounts")
        digest = earlier_hash("kurz ü").split(",")[0]
        assert stored.startswith("sha3-512,AbCdE$argon2id$") and digest[:16] not in stored
        heir.start()
        visitor = heir.client()
        visitor.email, visitor.password = "talel@example.org", "wrong"
        # when the password is wrong, or what was stored there
        for wrong in ("wrong", digest, earlier_hash("kurz ü")[:128]):
            visitor.password = wrong
            assert visitor.login().message == "Invalid username or password"
        assert heir.sql("SELECT password_hash FROM accounts") == stored
        # and when it is right
        visitor.password = "kurz ü"
        assert visitor.login().status == 200
        # then
        assert heir.sql("SELECT password_hash FROM accounts").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert visitor.login().status == 200
        assert visitor.publish().status == 201
        heir.stop()
        # and another run does not bring the old hash back
        assert take_over(heir)[0] == 0
        assert heir.sql("SELECT password_hash FROM accounts").startswith("$argon2id$")


class TestImages:
    @pytest.mark.parametrize("driver", ["dir", "s3"])
    def test_objects_become_images_under_their_names(self, earlier, make_heir, driver):
        # given
        _, user = earlier.account()
        files = {f"a_b_{UUID}1.JPG": jpeg(), f"c_{UUID}2.jpeg": png(width=7), "name.jpg": webp(), f"_{UUID}3": gif(frames=2)}
        for file, data in files.items():
            earlier.image(f"{user}/images/{file}", data)
        bucket = new_bucket(earlier.s3)
        heir = make_heir(s3_section(bucket) if driver == "s3" else None)
        # when
        code, report = take_over(heir)
        # then
        assert code == 0 and "images     4 taken over, 0 there already, 0 left out" in report, report
        heir.start()
        visitor = heir.client()
        types = ["image/jpeg", "image/png", "image/webp", "image/gif"]
        for (file, data), content_type in zip(files.items(), types):
            answer = visitor.get(f"/v1/users/talel/images/{file}")
            assert answer.status == 200 and answer.body == data and answer.headers["content-type"] == content_type, answer
        listed = visitor.get("/v1/users/talel/images").json["images"]
        assert {(image["width"], image["height"]) for image in listed} == {(3, 2), (7, 2)}
        assert heir.run("media", "fsck", "--types").returncode == 0
        # and they are as any other
        owner = heir.client()
        owner.email, owner.password = "talel@example.org", "secret"
        assert owner.login().status == 200
        assert owner.delete("/v1/users/talel/images/name.jpg").status == 204
        assert visitor.get("/v1/users/talel/images/name.jpg").status == 404
        heir.stop()

    def test_in_its_own_bucket_objects_stay_and_get_their_types(self, earlier, make_heir):
        _, user = earlier.account()
        key = earlier.image(f"{user}/images/a_{UUID}1.PNG", jpeg())
        heir = make_heir(s3_section(earlier.bucket), store="media")
        code, report = take_over(heir)
        assert code == 0 and "images     1 taken over" in report, report
        assert keys_in(earlier.s3, earlier.bucket) == [key]
        assert earlier.s3.head_object(Bucket=earlier.bucket, Key=key)["ContentType"] == "image/jpeg"
        # an interruption before that is made good
        earlier.s3.put_object(Bucket=earlier.bucket, Key=key, Body=jpeg())
        when = earlier.s3.list_objects_v2(Bucket=earlier.bucket)["Contents"][0]["LastModified"]
        heir.sql(f"UPDATE images SET created_at = '{when.isoformat()}'")
        assert take_over(heir)[0] == 0
        assert earlier.s3.head_object(Bucket=earlier.bucket, Key=key)["ContentType"] == "image/jpeg"
        assert heir.run("media", "fsck", "--types").returncode == 0

    @pytest.mark.parametrize("same", [True, False], ids=["in its own bucket", "in another store"])
    def test_what_is_kept_of_a_photo_is_the_picture(self, earlier, make_heir, same):
        # given a photo that tells where it was taken, and an archive behind another
        _, user = earlier.account()
        photos = {f"a_{UUID}1.jpg": photo("jpeg"), f"b_{UUID}2.png": png() + b"PK\3\4"}
        for file, data in photos.items():
            earlier.image(f"{user}/images/{file}", data)
        heir = make_heir(s3_section(earlier.bucket), store="media") if same else make_heir()

        # when they are taken over, twice
        reports = [take_over(heir)[1] for _ in range(2)]

        # then they are the pictures, and known as such
        assert "images     2 taken over" in reports[0] and "images     0 taken over, 2 there already" in reports[1], reports
        heir.start()
        for file, data in photos.items():
            body = heir.client().get(f"/v1/users/talel/images/{file}").body
            assert b"48.2082" not in body and b"PK" not in body and len(body) < len(data)
        assert heir.run("media", "fsck", "--types").returncode == 0
        heir.stop()

    def test_what_is_no_image_of_a_user_is_told_and_stays_where_it_is(self, earlier, heir):
        _, user = earlier.account()
        left = {
            f"{user}/images/a_{UUID}1.jpg": (b"<script>", "none of GIF"),
            f"{user}/images/b_{UUID}1.png": (png(size=3 << 20), "bytes"),
            f"{user}/images/c_{UUID}1.png": (png(width=20000), "pixels"),
            f"{user}/images/Große {UUID}1.png": (png(), "name"),
            f"{user}/images/d/e.png": (png(), "name"),
            f"99/images/f_{UUID}1.png": (png(), "user 99"),
        }
        for key, (data, _) in left.items():
            earlier.image(key, data)
        earlier.image("backups/dump.sql", b"CREATE TABLE")
        code, report = take_over(heir)
        assert code == 1
        for key, (_, why) in left.items():
            assert re.search(rf"^image {re.escape(key)}: left out: .*{why}", report, re.M), report
        assert "images     0 taken over, 0 there already, 6 left out" in report
        assert "1 objects have keys that are none of an image: left alone" in report
        assert heir.sql("SELECT count(*) FROM images") == "0"
        assert len(keys_in(earlier.s3, earlier.bucket)) == 7

    def test_another_image_of_the_name_is_never_replaced(self, earlier, heir):
        _, user = earlier.account()
        earlier.image(f"{user}/images/name.png", png())
        assert take_over(heir)[0] == 0
        # given one that came an hour later; storage tells times in seconds
        heir.sql("UPDATE images SET created_at = created_at - interval '1 hour'")
        earlier.image(f"{user}/images/name.png", png(width=100, size=500))
        code, report = take_over(heir)
        assert code == 1 and "left out: the user has another image of this name" in report, report
        heir.start()
        assert heir.client().get("/v1/users/talel/images/name.png").body == png()
        heir.stop()

    def test_fsck_leaves_what_is_still_to_be_taken_over(self, earlier, make_heir):
        _, user = earlier.account()
        earlier.image(f"{user}/images/name.png", png())
        heir = make_heir(s3_section(earlier.bucket), store="media")
        result = heir.run("media", "fsck", "--repair")
        assert result.returncode == 0 and f"no key of an image, left alone: {user}/images/name.png" in result.stdout
        assert keys_in(earlier.s3, earlier.bucket) == [f"{user}/images/name.png"]


class TestAddresses:
    def test_addresses_of_what_was_taken_over_are_mapped(self, earlier, heir):
        # given
        _, user = earlier.account(user={"avatar_url": f"{OLD_API}/v1/users/talel/images/me.png"})
        file = f"a_{UUID}1.JPG"
        earlier.image(f"{user}/images/me.png", png())
        earlier.image(f"{user}/images/{file}", jpeg())
        there = earlier.in_bucket(f"{user}/images/{file}")
        elsewhere = "https://example.com/2/images/x.png"
        gone = f"{OLD_API}/v1/users/talel/images/gone.png"
        article = earlier.article(user, body=f"![a]({there}) ![b]({OLD_API}/v1/users/talel/images/{file}) ![c]({gone}) {elsewhere}",
                                  featured_image=there)  # fmt: skip
        # when
        code, report = take_over(heir)
        # then
        assert code == 0 and "addresses  2 taken over" in report, report
        assert f"article {article}: the address of an image stays as it is, as no such image was taken over: {gone}" in report
        assert f"article {article}: the address of an image stays as it is, as no such image was taken over: {elsewhere}" in report
        heir.start()
        answer = heir.client().get("/v1/articles/hello").json
        here = f"{SITE}/v1/users/talel/images/{file}"
        assert answer["article"]["body"] == f"![a]({here}) ![b]({here}) ![c]({gone}) {elsewhere}"
        assert answer["article"]["html"].count(f'src="{here}"') == 2
        assert answer["article"]["featured_image"] == here and answer["article"]["updated_at"] is None
        assert answer["user"]["avatar_url"] == f"{SITE}/v1/users/talel/images/me.png"
        heir.stop()

    def test_addresses_that_begin_otherwise_are_told(self, earlier, make_heir):
        _, user = earlier.account()
        key = earlier.image(f"{user}/images/a.png", png())
        article = earlier.article(user, body=earlier.in_bucket(key))
        code, report = take_over(make_heir(image_addresses=OLD_API))
        assert code == 0
        assert f"article {article}: the address of an image stays as it is, as [plugin:import] image_addresses does not" in report
        assert "1 addresses of images stay as they are" in report

    def test_the_bucket_itself_need_not_be_named(self, earlier, make_heir):
        _, user = earlier.account()
        key = earlier.image(f"{user}/images/a.png", png())
        earlier.article(user, featured_image=f"{ENDPOINT}/{earlier.bucket}/{key}")
        heir = make_heir(image_addresses="")
        code, report = take_over(heir)
        assert code == 0, report
        assert heir.sql("SELECT featured_image FROM articles") == f"{SITE}/v1/users/talel/images/a.png"

    def test_what_was_changed_here_stays(self, earlier, heir):
        _, user = fill(earlier)
        assert take_over(heir)[0] == 0
        heir.sql("UPDATE articles SET body = 'changed here' WHERE slug = 'hello'")
        before = state(heir)
        code, report = take_over(heir)
        assert code == 0 and "Nothing was changed" in report and state(heir) == before, report


class TestAgain:
    def test_a_dry_run_tells_the_same_and_changes_nothing(self, earlier, heir):
        fill(earlier)
        earlier.account("bad", "bad")
        before = state(heir)
        code, report = take_over(heir, "--dry-run")
        assert code == 1 and "Dry run: nothing was changed" in report
        assert state(heir) == before and not list((heir.folder / "objects").rglob("*="))
        _, done = take_over(heir)
        lines = [line for line in done.splitlines() if "taken over," in line or "left out" in line]
        assert lines and [line for line in report.splitlines() if "taken over," in line or "left out" in line] == lines

    def test_the_second_run_changes_nothing_and_says_so(self, earlier, heir):
        fill(earlier)
        assert take_over(heir)[0] == 0
        before = state(heir)
        for _ in range(2):
            code, report = take_over(heir)
            assert code == 0 and "Nothing was changed" in report, report
            assert "accounts   0 taken over, 1 there already, 0 left out" in report
            assert "images     0 taken over, 2 there already, 0 left out" in report
            assert "addresses  0 taken over, 2 there already, 0 left out" in report
            assert state(heir) == before

    def test_killed_between_two_images_it_goes_on_where_it_was(self, earlier, make_heir, make_server):
        # given what an import comes to that nobody disturbs
        fill(earlier, pictures=3)
        undisturbed = make_heir()
        assert take_over(undisturbed)[0] == 0
        # and one whose storage stops answering in the middle
        wire = Wire(ENDPOINT)
        heir = make_heir(endpoint=wire.endpoint)
        wire.cut_at(rb"GET /[^ ]*picture1")
        process = subprocess.Popen([heir.program, "import", "--config", heir.ini], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        eventually(lambda: heir.sql("SELECT count(*) FROM images") == "2")
        # when it is killed and run again
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        assert heir.sql("SELECT count(*) FROM articles") == "2"
        wire.cut()
        code, report = take_over(heir)
        # then
        assert code == 0 and "images     2 taken over, 2 there already" in report, report
        without_ids = "SELECT user_id, file, size, width, sha256, ready, created_at FROM images ORDER BY file"
        assert heir.sql(without_ids) == undisturbed.sql(without_ids)
        for table in ("users", "articles"):
            assert state(heir)[0][table] == state(undisturbed)[0][table]
        assert "Nothing was changed" in take_over(heir)[1]
        wire.end()

    def test_a_storage_that_is_away_is_told_and_what_was_taken_stays(self, earlier, make_heir):
        fill(earlier)
        heir = make_heir(endpoint="http://127.0.0.1:1")
        code, report = take_over(heir)
        assert code == 1 and "cannot be reached" in report and "Run it again" in report, report
        assert heir.sql("SELECT count(*) FROM articles") == "2"

    def test_a_database_that_is_away_is_told_without_its_password(self, earlier, make_heir):
        heir = make_heir(database_url="postgresql://talel:geheim@127.0.0.1:1/none")
        code, report = take_over(heir)
        assert code == 1 and "the earlier service's database: " in report and "geheim" not in report, report
        code, report = take_over(make_heir(database_url="postgresql://talel:geheim@[/none"))
        assert code == 1 and "expected database_url" in report and "geheim" not in report, report

    def test_a_database_of_something_else_is_told(self, earlier, heir):
        earlier.sql("DROP TABLE article")
        code, report = take_over(heir)
        assert code == 1 and 'relation "article" does not exist' in report, report
        assert heir.sql("SELECT count(*) FROM accounts") == "0"

    def test_without_a_store_tables_alone_are_taken_over(self, earlier, make_heir):
        fill(earlier)
        code, report = take_over(make_heir(store=""))
        assert code == 0 and "accounts   1 taken over" in report and "images     not looked at" in report, report

    def test_without_an_address_it_says_what_is_missing(self, earlier, make_heir):
        code, report = take_over(make_heir(database_url=""))
        assert code == 2 and "database_url is empty" in report
        code, report = take_over(make_heir(), "--all")
        assert code == 2 and "unexpected '--all'" in report
