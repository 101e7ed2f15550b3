"""The commands: each takes its arguments and a way to say things, and gives an answer. Torch is imported when it is needed."""
