"""The demo: a broker of our own, a simulated PLC, and the screen."""
