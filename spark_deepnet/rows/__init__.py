"""Rows: which column is which tensor, pandas frames to arrays, a rank's rows in their canonical order, batches."""
