"""Random faults in a small pipeline: ``python -m tests.campaign``."""
