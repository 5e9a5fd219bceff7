"""Rows beyond the memory limit: kept in a file, in canonical order, and read a window at a time."""
