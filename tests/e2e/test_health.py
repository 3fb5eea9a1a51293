"""The health plugin."""

from server import eventually


def test_health_says_that_the_process_serves(visitor):
    answer = visitor.get("/v1/health")
    assert answer.status == 200
    assert answer.body.decode() == "👍"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_readiness_tells_each_dependency_with_milliseconds(visitor):
    answer = visitor.get("/v1/health/ready")
    assert answer.status == 200
    text = answer.json
    for name in ("database", "redis", "migrations"):
        found = find(text, name)
        assert found["status"] == "up"
        assert 0 <= found["milliseconds"] < 10000


def find(value, name):
    if name in value:
        return value[name]
    return next(inner[name] for inner in value.values() if isinstance(inner, dict) and name in inner)


def test_readiness_fails_while_redis_is_away_and_health_does_not(make_server, own_services):
    # given a server whose Redis has gone
    server = make_server(postgres=own_services.postgres, redis=own_services.redis).start()
    client = server.client()
    assert client.get("/v1/health/ready").status == 200
    own_services.run("kill-redis")

    # then readiness names it, and liveness touches nothing
    answer = eventually(lambda: (a := client.get("/v1/health/ready")).status == 503 and a)
    assert find(answer.json, "redis")["status"] == "down"
    assert find(answer.json, "database")["status"] == "up"
    assert client.get("/v1/health").status == 200

    # and it comes back by itself
    own_services.run("start-redis")
    eventually(lambda: client.get("/v1/health/ready").status == 200)
    server.stop()
