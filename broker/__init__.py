"""The shapes in flight: topics, the durable session of a node, request and reply for other
processes."""
