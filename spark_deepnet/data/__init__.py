"""Data: which column is which tensor, a rank's rows in their canonical order, batches."""
