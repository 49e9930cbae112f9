"""A text into a job in the ledger: a short-lived process of its own."""
