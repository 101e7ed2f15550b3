"""Shelf of generators that are trained, one file each, ending in `GENERATOR`."""
