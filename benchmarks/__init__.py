"""Benchmarks: each compares with a floor in the same run, and prints ratios and peak memory. `make bench` runs them."""
