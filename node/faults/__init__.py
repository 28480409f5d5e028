"""Faults drawn on pictures of good parts: what would a program, or a taught tool, miss?"""
