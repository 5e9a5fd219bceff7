"""The plan of a fit: everything that a rank is sent."""
