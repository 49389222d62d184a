"""The retention model: time, purposes, policies and the pure decision. Knows no store, no driver, no scheduler."""
