"""What people may change."""
