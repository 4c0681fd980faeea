"""The fault suite: the site in real processes on real servers, while they are broken.

``make test-faults`` runs it. Members are driven over HTTP, every answer is kept, and a checker
(`checker.py`) compares what each member was told with the ledger and with every store. Everything
that is broken belongs to the suite: its servers listen on loopback ports of their own and keep
their data in a temporary folder.
"""
