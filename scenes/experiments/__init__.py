"""Experiments by the dozen: the write-ups' trials, and tuning. Both propose, and `dvc exp run` runs."""
