"""The data room: sources of glyphs, tasks, layouts, and the mixtures drawn from them."""
