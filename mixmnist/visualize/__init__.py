"""Showing what a unit wants, in maps of canvases and in pictures of one's own making: each way held against exact truth."""
