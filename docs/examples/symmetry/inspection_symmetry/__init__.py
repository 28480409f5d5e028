"""Symmetry, a tool for the inspection node."""
