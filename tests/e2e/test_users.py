"""The users plugin."""

import pytest


def test_a_new_user_has_a_profile(author):
    answer = author.get("/v1/users/" + author.username)
    assert answer.status == 200
    user = answer.json["user"]
    assert user["username"] == author.username
    assert user["location"] == "" and user["avatar_url"] == "default.jpg"
    assert isinstance(user["id"], int)
    assert user["created_at"].endswith("Z") and len(user["created_at"]) == len("1986-06-05T00:00:00.000000Z")


def test_an_unknown_user_is_404(visitor):
    answer = visitor.get("/v1/users/nobody")
    assert answer.status == 404
    assert answer.message == "User with username 'nobody' does not exist"


def test_the_profile_shows_no_email(author):
    assert "email" not in author.get("/v1/users/" + author.username).body.decode()


def test_the_owner_changes_the_profile(author):
    answer = author.patch("/v1/users/" + author.username, {"location": "Zürich 🏔", "avatar_url": "/a.png"})
    assert answer.status == 200, answer
    user = author.get("/v1/users/" + author.username).json["user"]
    assert user["location"] == "Zürich 🏔" and user["avatar_url"] == "/a.png"


def test_one_key_alone_changes_only_itself(author):
    author.patch("/v1/users/" + author.username, {"location": "Berlin"})
    author.patch("/v1/users/" + author.username, {"avatar_url": "/b.png"})
    user = author.get("/v1/users/" + author.username).json["user"]
    assert (user["location"], user["avatar_url"]) == ("Berlin", "/b.png")


def test_nobody_else_changes_it(server, author):
    other = server.author()
    refused = other.patch("/v1/users/" + author.username, {"location": "X"})
    assert (refused.status, refused.message) == (403, "Only the user may change this profile")
    assert server.client().patch("/v1/users/" + author.username, {"location": "X"}).status == 403
    assert author.get("/v1/users/" + author.username).json["user"]["location"] == ""


def test_nobody_cannot_be_changed(author):
    answer = author.patch("/v1/users/nobody", {"location": "X"})
    assert (answer.status, answer.message) == (404, "User with username 'nobody' does not exist")


def test_names_are_found_without_regard_to_case(server):
    author = server.author(username="MixedCase")
    assert author.get("/v1/users/mixedcase").json["user"]["username"] == "MixedCase"
    assert author.patch("/v1/users/MIXEDCASE", {"location": "X"}).status == 200


def test_nothing_to_change_is_400(author):
    answer = author.patch("/v1/users/" + author.username, {})
    assert (answer.status, answer.message) == (400, "Missing request body")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:image/png;base64,xxxx", "a b.png", ""])
def test_an_avatar_is_a_file_or_an_address(author, url):
    answer = author.patch("/v1/users/" + author.username, {"avatar_url": url})
    assert answer.status == 400
    assert answer.message == "Expected 'avatar_url' to be a path, or an http or https URL, without spaces"


@pytest.mark.parametrize("body", [{"username": "x"}, {"id": 1}, {"location": 5}, {"location": "x" * 5000}])
def test_what_cannot_be_set_is_named(author, body):
    answer = author.patch("/v1/users/" + author.username, body)
    assert answer.status == 400
    assert next(iter(body)) in answer.message
