"""How it reaches the machine: commands, demo, doctor, units and benchmarks."""
