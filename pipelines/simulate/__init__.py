"""Looking ahead without acting: what a policy will release and when, what another would change, why a record stands.

Nothing is written: no plan, no ledger entry, no store. What is asked of a store are the decisions that a plan compiles.
"""
