"""The data-quality report: what was done and why, what stayed, and whether the numbers hold."""
