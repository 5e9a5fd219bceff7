"""Rows beyond the memory limit: kept in a file in canonical order, and read one window at a time."""
