"""Commands: how they come and are answered, and what each of them does."""
