"""Shelf of objectives: what a network is trained on, one file each, ending in `OBJECTIVE`."""
