"""What is locked, and the faults that are known of it."""
