"""Search from the disk: browsers start no worker from a file, so the theme's own is put into a script that starts it from memory.

The theme's offline plugin would fetch a script for this from elsewhere, unless one of this name is among the `polyfills`.
"""

import json
from pathlib import Path

import material

PLACE = "assets/iframe-worker.js"
SCRIPT = """if (location.protocol === "file:") {
  const source = %s;
  window.Worker = class extends Worker {
    constructor() {
      super(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    }
  };
}
"""


def script() -> str:
    """Gives the script, with the theme's worker for searching in it."""
    (worker,) = (Path(material.__file__).parent / "templates" / "assets" / "javascripts" / "workers").glob("search.*.js")
    return SCRIPT % json.dumps(worker.read_text(encoding="utf-8"))


if __name__ == "<run_path>":  # mkdocs runs it
    import mkdocs_gen_files

    with mkdocs_gen_files.open(PLACE, "w") as made:
        made.write(script())
