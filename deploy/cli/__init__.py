"""The command line: one file for each verb, or for a group of them."""
