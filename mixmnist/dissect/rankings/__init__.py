"""Shelf of rankings: in which order would one switch off the units that draw a digit? One file each, ending in `RANKING`."""
