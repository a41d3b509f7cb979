"""The command ``scenes`` and its sub-commands: people run them, no stage needs them."""
