"""One file a kind of layer type; each registers its readers by the names of the types."""
