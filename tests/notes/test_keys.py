import socket
import threading

import pytest

from users import keys
from users.keys import KeyCache, KeysUnavailable, UnknownKey


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rotated(issuer):
    """The issuer, which gets its first key alone back at the end."""
    before = dict(issuer.keys)
    yield issuer
    issuer.keys = before


def test_one_fetch_serves_all_later_requests(issuer, clock):
    cache = KeyCache(issuer.url, clock=clock)
    assert cache.get("first") is cache.get("first")
    assert issuer.fetches == 1


def test_a_new_key_is_fetched_once_the_cooldown_has_passed(rotated, clock):
    cache = KeyCache(rotated.url, clock=clock)
    cache.get("first")
    rotated.add_key("second")
    with pytest.raises(UnknownKey):
        cache.get("second")
    clock.now += keys.COOLDOWN
    assert cache.get("second").key_id == "second"
    assert rotated.fetches == 2


def test_a_flood_of_unknown_ids_from_many_threads_makes_one_fetch_per_cooldown(issuer, clock):
    cache = KeyCache(issuer.url, clock=clock)
    refused = []

    def flood(number):
        for attempt in range(50):
            try:
                cache.get(f"unknown {number} {attempt}")
            except UnknownKey:
                refused.append(number)

    for fetches in (1, 2):
        threads = [threading.Thread(target=flood, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert issuer.fetches == fetches
        clock.now += keys.COOLDOWN
    assert len(refused) == 800


def test_a_redirect_is_not_followed(issuer, clock):
    issuer.status = 302
    with pytest.raises(KeysUnavailable):
        KeyCache(issuer.url, clock=clock).get("first")
    assert issuer.fetches == 1


def test_keys_are_kept_while_users_project_is_down(issuer, clock):
    cache = KeyCache(issuer.url, clock=clock)
    cache.get("first")
    issuer.status = 500
    clock.now += 100 * keys.LIFETIME
    assert cache.get("first").key_id == "first"
    assert issuer.fetches == 2
    cache.get("first")
    assert issuer.fetches == 2


def test_a_withdrawn_key_goes_when_the_keys_are_old(rotated, clock):
    cache = KeyCache(rotated.url, clock=clock)
    cache.get("first")
    rotated.add_key("second")
    del rotated.keys["first"]
    assert cache.get("first")
    clock.now += keys.LIFETIME
    with pytest.raises(UnknownKey):
        cache.get("first")


def test_the_file_serves_while_the_url_has_never_answered(rotated, clock, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(rotated.jwks())
    rotated.status = 503
    cache = KeyCache(rotated.url, str(file), clock)
    assert cache.get("first").key_id == "first"
    rotated.add_key("second")
    rotated.status = 200
    clock.now += keys.COOLDOWN
    assert cache.get("second").key_id == "second"


def test_the_file_does_not_replace_keys_that_the_url_gave(rotated, clock, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(rotated.jwks())
    rotated.add_key("second")
    cache = KeyCache(rotated.url, str(file), clock)
    cache.get("second")
    rotated.status = 503
    clock.now += keys.LIFETIME
    assert cache.get("second").key_id == "second"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keys": []}', '{"keys": [{"kid": 1}]}'])
def test_without_any_key_it_says_so_and_asks_again_soon(issuer, clock, tmp_path, text):
    file = tmp_path / "jwks.json"
    file.write_text(text)
    issuer.status = 404
    cache = KeyCache(issuer.url, str(file), clock)
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            cache.get("first")
    assert issuer.fetches == 1
    assert not cache.is_ready()
    issuer.status = 200
    clock.now += keys.RETRY
    assert cache.is_ready()
    assert issuer.fetches == 2


def test_a_server_that_hangs_costs_one_timeout(clock, monkeypatch):
    monkeypatch.setattr(keys, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache = KeyCache(f"http://127.0.0.1:{silent.getsockname()[1]}/", clock=clock)
        for _ in range(10):
            with pytest.raises(KeysUnavailable):
                cache.get("first")
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # There was one connection, so one wait.
            silent.accept()


def test_no_more_is_read_than_keys_can_take(issuer, clock, monkeypatch):
    answer = " " * keys.MAX_BYTES + issuer.jwks()
    monkeypatch.setattr(issuer, "jwks", lambda: answer)
    with pytest.raises(KeysUnavailable):
        KeyCache(issuer.url, clock=clock).get("first")
