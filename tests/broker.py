"""A pytest plugin: a real Apache Kafka for the suites of both projects."""

import uuid

import pytest

from devstack.kafka import Kafka
from devstack.ports import free_ports
from devstack.processes import Children


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """One broker, started once; tests keep apart by their topics."""
    folder = tmp_path_factory.mktemp("kafka")
    first = free_ports(2)
    broker = Kafka("kafka", Children(folder / "logs"), folder / "kafka", [(first, first + 1)])
    broker.start()
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def topic():
    return f"user-events-{uuid.uuid4()}"
