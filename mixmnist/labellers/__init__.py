"""Labellers: ways of saying what units detect, a file each that ends in `LABELLER`; and the judge of what they say."""
