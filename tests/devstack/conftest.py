"""One clone for all tests. A test says whether it needs the stack running or not."""

import pytest

from devstack.processes import wait_until
from tests.devstack.checkout import Checkout, alive, process_tree


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("devstack") / "clone")
    yield checkout
    if checkout.running:
        checkout.interrupt()


@pytest.fixture
def running(checkout):
    """The clone with its own stack running."""
    if not checkout.running:
        checkout.start()
    return checkout


@pytest.fixture
def stopped(checkout):
    """The clone with no stack running."""
    if checkout.running:
        checkout.interrupt()
    return checkout


@pytest.fixture
def processes(running):
    """All processes of the running stack."""
    return process_tree(running.process.pid)


@pytest.fixture
def all_end(processes):
    """Fails where a process of the stack is left."""

    def all_end():
        assert wait_until(lambda: not alive(processes), 60), alive(processes)

    return all_end
