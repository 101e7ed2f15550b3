"""Studies run: blocks of runs, the story of one, sweeps over many, on one machine or a cluster; estimated and verified."""
