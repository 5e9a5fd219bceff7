"""Ranks speaking to ranks: vectors only, nothing of layers or Spark. Algorithms see only the ``Channel``."""
