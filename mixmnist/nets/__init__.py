"""Shelf of architectures: one file each, ending in `NET`."""
