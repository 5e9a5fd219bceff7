"""pandas frames to arrays, with a count of everything that cannot be trained on."""
