"""Generators dissected, edited and inverted: which units draw which digit, judged exactly, edit by edit."""
