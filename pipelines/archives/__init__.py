"""Looking into the intermediate archives: who may, why, and what the ledger keeps of it."""
