"""What words mean where they stand for a number; scores and reports go by the same."""

THRESHOLD = 0.80  # alignment from which a unit is called a detector
LEAST_OF_CLASS = 30  # images of a class from which on its own accuracy is told
USED = 0.05  # accuracy lost without all detectors of a concept from which it is called used
