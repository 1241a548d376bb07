"""The whole system on one machine: PostgreSQL, Apache Kafka, the two projects and nginx."""
