"""What people run and no stage needs: the command ``scenes`` and its sub-commands."""
