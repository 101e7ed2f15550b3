"""Shelf of ways of showing what a unit wants, one file each, ending in `WAY`."""
