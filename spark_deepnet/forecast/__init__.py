"""What a fit would take before it is run: seconds, bytes and memory, by formulas or from a few timed steps."""
