"""Topics for the consumer, and what it has done."""

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic

PARTITIONS = 3


def create(admin, topic):
    """Deleting a topic goes on after the answer: until its end the name is taken.

    And the brokers hear of a new one after the answer.
    """
    while True:
        try:
            admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            break
    while admin.list_topics(topic, 10).topics[topic].error:
        continue


def catch_up(consumer):
    consumer.run(consumer.caught_up)


def committed(configured, topic):
    consumer = Consumer(configured)
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    offsets = {place.partition: place.offset for place in consumer.committed(places, 10)}
    consumer.close()
    return offsets
