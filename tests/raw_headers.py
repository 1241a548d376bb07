"""A message whose header has any bytes for a name: confluent_kafka sends UTF-8 alone."""

import ctypes
from pathlib import Path

import confluent_kafka

# rd_kafka_vtype_t of librdkafka/rdkafka.h.
END, TOPIC, VALUE, KEY, HEADERS = map(ctypes.c_int, (0, 1, 4, 5, 10))


def send(servers, topic, key, value, name):
    """Sends one message with a header of this name, and waits until Kafka has it."""
    wheel = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (library,) = wheel.glob("librdkafka*")
    kafka = ctypes.CDLL(library)
    for make in (kafka.rd_kafka_conf_new, kafka.rd_kafka_new, kafka.rd_kafka_headers_new):
        make.restype = ctypes.c_void_p
    error = ctypes.create_string_buffer(512)
    settings = ctypes.c_void_p(kafka.rd_kafka_conf_new())
    assert (
        kafka.rd_kafka_conf_set(settings, b"bootstrap.servers", servers.encode(), error, 512) == 0
    )
    producer = ctypes.c_void_p(kafka.rd_kafka_new(0, settings, error, 512))
    assert producer, error.value
    headers = ctypes.c_void_p(kafka.rd_kafka_headers_new(1))
    sizes = [ctypes.c_ssize_t(len(text)) for text in (name, b"")]
    kafka.rd_kafka_header_add(headers, name, sizes[0], b"", sizes[1])
    failed = kafka.rd_kafka_producev(
        *(producer, TOPIC, topic.encode()),
        *(KEY, key, ctypes.c_size_t(len(key)), VALUE, value, ctypes.c_size_t(len(value))),
        *(HEADERS, headers, END),
    )
    assert not failed
    assert kafka.rd_kafka_flush(producer, 20_000) == 0
    kafka.rd_kafka_destroy(producer)
