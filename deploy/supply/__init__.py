"""What is locked, and its known faults."""
