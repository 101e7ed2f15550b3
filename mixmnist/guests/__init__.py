"""What others bring: their networks, arrays and metrics, scored as ours are; and their tests."""
