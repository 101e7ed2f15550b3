"""Former places of modules that hold public names: where they could be imported from, and where they are now."""

FORMER = {
    "mixmnist.arrays": "mixmnist.guests.arrays",
    "mixmnist.evaluated": "mixmnist.guests.evaluated",
    "mixmnist.evaluating": "mixmnist.guests.evaluating",
    "mixmnist.pipeline": "mixmnist.grid.recording",
    "mixmnist.regression": "mixmnist.guests.regression",
    "mixmnist.sweep": "mixmnist.grid.sweep",
}
