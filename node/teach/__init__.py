"""Teaching: from pictures of parts to the model file of a tool or of the locator."""
