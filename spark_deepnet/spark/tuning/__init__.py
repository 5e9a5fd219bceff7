"""Search for the Params of an estimator: what is sampled, the search and the model that it gives."""
