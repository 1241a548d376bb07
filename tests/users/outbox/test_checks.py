from outbox.checks import replicas_suffice


def test_more_replicas_than_there_are_cannot_be_asked_for(settings):
    assert replicas_suffice() == []
    settings.KAFKA_TOPIC_MIN_INSYNC_REPLICAS = 2
    assert [error.id for error in replicas_suffice()] == ["outbox.E001"]
