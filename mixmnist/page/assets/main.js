// Puts the parts on the page.
"use strict";
mm.recallLabels();
document.getElementById("network").addEventListener("change", (event) => {
  mm.allOn(); // units of another network have other numbers
  mm.choose(Number(event.target.value));
  mm.remember();
});
document.querySelector("nav.parts .network").after(mm.copyLink());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog && dialog.id === "unit") dialog.close(); });
}
mm.watchUnit();
window.addEventListener("popstate", () => mm.arrive());
window.addEventListener("hashchange", () => mm.arrive());
mm.arrive(true);
