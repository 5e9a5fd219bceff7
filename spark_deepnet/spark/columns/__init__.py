"""A user's DataFrame to the columns that ranks and scorers are sent, with all that can be refused before a job."""
