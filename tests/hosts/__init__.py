"""A cluster of hosts on one machine: network namespaces, joined by a router of our own, and Spark on them."""
