"""Shelf of dictionaries: ways of finding directions in a layer's cells, one file each, ending in `DICTIONARY`."""
