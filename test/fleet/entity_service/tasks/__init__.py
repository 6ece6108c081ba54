"""The tasks, in modules named like the original's."""
