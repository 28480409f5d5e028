"""What is told of the node to Prometheus and to collectors of traces."""
