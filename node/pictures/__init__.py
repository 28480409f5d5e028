"""Pictures: decoding those of strangers, drawing what was found, keeping and showing them."""
