"""What must be done now and then, on threads of its own, away from the inspection."""
