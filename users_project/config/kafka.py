"""Where every Kafka client of this project connects, and as whom."""

from __future__ import annotations

from typing import Any

from django.conf import settings


def connection_config(servers: str) -> dict[str, Any]:
    """
    Args:
        servers: ``host:port``, commas between.

    Returns:
        librdkafka's properties.
    """
    config = {
        "bootstrap.servers": servers,
        "security.protocol": settings.KAFKA_SECURITY_PROTOCOL,
        "ssl.ca.location": settings.KAFKA_CA_FILE,
    }
    if settings.KAFKA_SECURITY_PROTOCOL.startswith("SASL_"):
        config |= {
            "sasl.mechanism": settings.KAFKA_SASL_MECHANISM,
            "sasl.username": settings.KAFKA_USERNAME,
            "sasl.password": settings.KAFKA_PASSWORD,
        }
    return {name: value for name, value in config.items() if value}
