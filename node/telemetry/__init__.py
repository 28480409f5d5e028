"""What the node reports to Prometheus and to collectors of traces."""
