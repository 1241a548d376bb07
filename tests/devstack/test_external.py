"""Servers that the environment names are used, and none is started in their place."""

import re

import pytest

from devstack import postgres
from devstack.part import accepts
from devstack.ports import Ports, free_ports
from tests.devstack.checkout import refusal

pytest_plugins = ["tests.broker"]
READY = re.compile(r"^ *[\d.]+ s  (\w+) +ready$", re.MULTILINE)
PASSWORD = "Kestrel-of-the-database"


@pytest.mark.parametrize("name", ["users", "notes"])
def test_a_database_that_is_not_there(stopped, name):
    place = f"127.0.0.1:{free_ports()}/{name}_db"
    variable = f"{name.upper()}_DATABASE_URL"
    ended = stopped.make("run", **{variable: f"postgres://{name}:{PASSWORD}@{place}"})
    line = refusal(ended)
    assert line.startswith(f"{variable}: no connection to the PostgreSQL database at {place}. ")
    assert PASSWORD not in ended.stdout + ended.stderr


def test_a_broker_that_is_not_there(stopped):
    place = f"127.0.0.1:{free_ports()}"
    line = refusal(stopped.make("run", KAFKA_BOOTSTRAP_SERVERS=place))
    assert line.startswith(f"KAFKA_BOOTSTRAP_SERVERS: no Kafka broker answers at {place}. ")


@pytest.fixture
def servers(kafka, tmp_path):
    with (
        postgres.temporary("users_db", tmp_path, roles=False) as users_db,
        postgres.temporary("notes_db", tmp_path, roles=False) as notes_db,
    ):
        yield {
            "USERS_DATABASE_URL": users_db.url,
            "NOTES_DATABASE_URL": notes_db.url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        }


def test_they_are_used(stopped, servers):
    stopped.start(**servers)
    try:
        assert "note found" in stopped.output
        assert stopped.settings().items() >= servers.items()
        ports = Ports.behind(stopped.port)
        for port in (ports.users_db, ports.notes_db, ports.kafka):
            assert not accepts(port)
    finally:
        stopped.interrupt()
    assert set(READY.findall(stopped.output)) == {
        *("users", "notes", "relay", "consumer", "comparison", "gateway")
    }
    assert all(f"{name} answers\n" in stopped.output for name in servers)
