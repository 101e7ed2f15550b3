"""Dictionaries over units: are the concepts there in another basis? Atoms are units of a new layer, held against the truth."""
