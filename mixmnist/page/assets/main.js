// Puts the parts on the page.
"use strict";
mm.recallLabels();
mm.drawCompare();
document.getElementById("network").addEventListener("change", (event) => mm.choose(Number(event.target.value)));
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog && dialog.id === "unit") dialog.close(); });
}
mm.choose(0);
