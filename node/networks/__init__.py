"""Networks that ship with the node, and how they were made."""
