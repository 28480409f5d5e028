"""Texts and codes: recognising them, and which of those that were read are right."""
