"""One rank's job: rows in, epochs and steps, weights and measures out."""
