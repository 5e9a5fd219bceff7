"""A fit as Spark jobs: barrier jobs, rounds without sockets, checkpoints, progress."""
