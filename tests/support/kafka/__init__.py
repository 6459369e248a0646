"""A real Kafka broker, what is in its topics, and a site's certificates."""
