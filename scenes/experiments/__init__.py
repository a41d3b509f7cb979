"""Many experiments at once: the trials of the write-ups, and tuning. Both propose settings that `dvc exp run` runs."""
