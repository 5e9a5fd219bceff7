"""Weights on storage: saved, loaded, streamed to workers, spread over the ranks of a scoring job."""
