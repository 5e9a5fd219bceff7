"""The plan of a fit: all that a rank is sent."""
