"""The whole stack, as `tests/system/conftest.py` starts it, and other gateways in front of it."""

from contextlib import contextmanager

import pytest

from devstack.nginx import Nginx
from devstack.ports import Ports, free_ports
from devstack.services import GUNICORN, Service
from tests.security.people import make_last, signing_key
from tests.system import raw
from tests.system.client import Api
from tests.system.conftest import (  # noqa: F401 - fixtures
    api,
    mails,
    manage,
    notes_sql,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    stack,
    users_sql,
    wait_until,
)


@pytest.fixture(scope="session")
def new(stack, users_sql):  # noqa: F811
    """Gives a client of somebody new, whose access token lasts as long as all tests."""

    def new(*, staff=False):
        with Api(stack.gateway_url) as api:  # noqa: F811
            user = api.register()
            if staff:
                users_sql("UPDATE users SET is_staff = true WHERE id = %s", [user.id])
            client = make_last(api.sign_in(user), signing_key(stack))
        if staff:  # is shown everybody's address
            client.hooks["response"].remove(client._require_no_secrets)
        client.headers["Accept"] = "*/*"
        return client

    return new


@pytest.fixture(scope="session")
def another_users(stack):  # noqa: F811
    """`with another_users(VARIABLE=…) as port`: one more users_project, with other settings.

    Its hashes are as in production, without the cheap ones of these tests.
    """

    @contextmanager
    def another_users(**variables):
        port = free_ports()

        def environment(project):
            return stack.environment_of(project) | {"USERS_BIND": f"127.0.0.1:{port}"} | variables

        service = Service(
            *(f"users-{port}", "users", port),
            children=stack.children,
            environment=environment,
            arguments=GUNICORN,
        )
        service.start()
        try:
            service.wait_ready()
            yield port
        finally:
            service.stop()

    return another_users


@pytest.fixture
def send(stack):  # noqa: F811
    """Sends bytes, or a request line with headers, to the gateway."""

    def send(request, *headers, **parts):
        content = request if isinstance(request, bytes) else raw.request(request, *headers, **parts)
        return raw.send(stack.gateway.port, content)

    return send


@pytest.fixture
def gateway(stack, tmp_path):  # noqa: F811
    """`with gateway(GATEWAY_URL=…) as url`: another one to the same services, with other settings.

    `replace` is what else differs in its template: (old, new) pairs.
    """

    @contextmanager
    def gateway(*, replace=(), **variables):
        ports = Ports(free_ports(), stack.ports.first)
        other = Nginx(f"gateway-{ports.gateway}", stack.children, tmp_path / "gateway", ports)
        other.variables |= variables
        template = other.template.read_text()
        for old, new in replace:
            assert old in template
            template = template.replace(old, new)
        other.template = tmp_path / "template"
        other.template.write_text(template)
        other.start()
        try:
            other.wait_ready()
            yield ports.gateway_url
        finally:
            other.stop()

    return gateway
