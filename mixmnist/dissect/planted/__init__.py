"""Shelf of planted generators, whose drawing units are known, one file each, ending in `GENERATOR`."""
