"""A short acceptance on every Spark, Python, Java and set of packages that pyproject.toml promises (``make matrix``)."""
