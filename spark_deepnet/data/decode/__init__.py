"""pandas frames to arrays, with a count of all that cannot be trained on."""
