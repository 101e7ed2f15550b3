"""Shelf of tasks: one file each, ending in `TASK`."""
