"""Shelf of metrics: one file each, ending in `METRIC`; pure arithmetic on what a Readout holds, never a network."""
