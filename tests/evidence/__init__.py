"""The claims of README and documentation that are numbers: each with the command that shows it, and what it showed last."""
