"""Shelf of scores of dictionaries, one file each, ending in `SCORE`; apart from the shelf of metrics, which score single units."""
