"""After all other tests: what the session has left in logs and in the topic.

What people were shown is looked at in each answer, see `tests.system.client`.
"""

import re
import subprocess
from urllib.parse import quote

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from tests.system.client import HASH, PASSWORD_MARK, TOKENS

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def read(topic, servers):
    """All that is in a topic: keys, values and headers as one text for each message."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "test-secrets",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        unread = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
        while unread:
            for message in consumer.consume(1000, 1):
                if message.error() is None:
                    yield f"{message.key()} {message.value()} {message.headers()}"
                else:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    unread.discard(message.partition())
    finally:
        consumer.close()


def assert_no_secret(text, source):
    assert not ADDRESS.search(text), f"{source}: {ADDRESS.search(text)[0]}"
    assert not HASH.search(text), source
    assert PASSWORD_MARK not in text, source


def assert_no_token(logs, patterns):
    """None that any client of the session has sent or got, and no signature of one.

    Args: patterns: a file to write.
    """
    assert len(TOKENS) >= 2, "a sign-in and a refresh at least"
    looked_for = TOKENS | {token.rpartition(".")[2] for token in TOKENS if token.count(".") == 2}
    looked_for |= {quote(token) for token in looked_for}
    patterns.write_text("\n".join(each for each in looked_for if len(each) >= 20))
    command = ["grep", "--fixed-strings", "--only-matching", "--file", patterns, *logs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr  # 1: found nothing


def test_the_logs_hold_no_secret(stack, api, wait_until, tmp_path):
    logs = sorted((stack.folder / "logs").glob("*.log"))
    client = api.sign_in()
    for address in (client.user.email, client.user.email.replace("@", "%40")):
        client.get(f"/api/v1/users/{address}/")
    last = api.get("/api/v1/users/me/").headers["X-Request-ID"]
    users_log = stack.folder / "logs" / "users.log"
    wait_until(lambda: last in users_log.read_text())
    assert {log.stem for log in logs} >= {part.name for part in stack.parts}
    for log in logs:
        assert_no_secret(log.read_text(), log.name)
    assert_no_token(logs, tmp_path / "tokens")


def test_the_messages_hold_no_secret(stack, api, wait_until, users_sql):
    user = api.register()
    wait_until(lambda: users_sql("SELECT count(*) FROM outbox") == [(0,)])
    messages = list(read(stack.environment()["KAFKA_TOPIC"], stack.kafka.bootstrap_servers))
    assert any(user.id in message and user.username in message for message in messages)
    for message in messages:
        assert_no_secret(message, message)
