"""Faults over real processes, with a ledger outside the system."""
