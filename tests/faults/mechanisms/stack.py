"""Of the gateway and of Kafka: each is called with the stack, before that starts."""

import re

from devstack import nginx
from tests.faults.mechanisms.registry import off_in


@off_in("stack")
def gateway_limits(stack):
    """The gateway waits for its services for an hour."""
    template = stack.folder / "nginx.conf.template"
    text = nginx.TEMPLATE.read_text()
    template.write_text(re.sub(r"(proxy_(?:connect|read)_timeout) \w+", r"\1 1h", text))
    stack.gateway.template = template


@off_in("stack")
def copies(stack):
    """Each partition is on one broker."""
    stack.COPIES = stack.WRITTEN = 1


@off_in("stack")
def message_times(stack):
    """The broker refuses a message that is a minute old or early."""
    settings, limit = stack.kafka.settings, "log.message.timestamp.{}.max.ms"
    limits = {limit.format(side): 60_000 for side in ("before", "after")}
    stack.kafka.settings = lambda: settings() | limits
