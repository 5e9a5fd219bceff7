"""The networks of ``network_rows``, a file for each kind, with PyTorch's modules beside them."""
