"""How the node reaches the machine: the command line, the demo, serving, installing, and what ships
with them."""
