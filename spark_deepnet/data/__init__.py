"""Data: which column is which tensor, a rank's rows in canonical order, batches."""
