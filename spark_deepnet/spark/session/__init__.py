"""What a session can run, and what it says when something fails."""
