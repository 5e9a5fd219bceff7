"""The only folder that imports pyspark: Estimator, Model, and what they need of a session."""
