"""Looking at the stores: what is there, what is personal, and what the index of items knows."""
