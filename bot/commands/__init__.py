"""The words of the `bedside` command, one module each."""
