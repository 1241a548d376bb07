"""The whole system on one machine: PostgreSQL, Apache Kafka, both projects and nginx as processes."""
