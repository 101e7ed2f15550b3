"""Shelf of scores of dictionaries, one file each, ending in `SCORE`; apart from metrics, which score single units."""
