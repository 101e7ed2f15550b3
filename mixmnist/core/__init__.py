"""Floor 0: what every room may know. Records, readouts, the shelves' registry, seeding and storage."""
