// Notes: the sentence of a word or letter, shown where it is pointed at, focused or tapped. There is one note for all of them, in the
// top layer, so that neither a table that scrolls nor a dialog hides it.
"use strict";
mm.note = mm.h("div", { class: "note-of", role: "tooltip", popover: "manual" });
mm.note.of = null; // the button that it is shown for
mm.showNote = function (button) {
  mm.note.textContent = button.dataset.said;
  mm.note.of = button;
  mm.note.showPopover();
  const at = button.getBoundingClientRect(), own = mm.note.getBoundingClientRect(), room = document.documentElement.clientWidth;
  const below = at.bottom + 6 + own.height <= window.innerHeight;
  mm.set(mm.note, { style: { left: `${Math.max(8, Math.min(at.left, room - own.width - 8))}px`, top: `${below ? at.bottom + 6 : at.top - own.height - 6}px` } });
};
mm.hideNote = function () {
  if (mm.note.of) mm.note.hidePopover();
  mm.note.of = null;
};
{
  (document.querySelector("main") ?? document.body).append(mm.note);
  for (const button of document.querySelectorAll("button[title]:is(.term, .grade)")) { // those of the page itself, readable without a script
    button.dataset.said = button.title;
    button.setAttribute("aria-description", button.title);
    button.removeAttribute("title");
  }
  const button = (event) => (event.target instanceof Element ? event.target.closest("[data-said]") : null);
  const on = (name, act, where = document) => where.addEventListener(name, act, true);
  on("pointerover", (event) => { if (event.pointerType === "mouse" && button(event)) mm.showNote(button(event)); });
  on("pointerout", (event) => { if (event.pointerType === "mouse" && button(event)) mm.hideNote(); });
  on("focusin", (event) => { if (button(event)?.matches(":focus-visible")) mm.showNote(button(event)); });
  on("focusout", mm.hideNote);
  on("click", (event) => { // of a tap, which neither points nor focuses everywhere
    const [shown, own] = [mm.note.of, button(event)];
    if (!own || shown !== own) mm.hideNote();
    if (own && shown !== own) mm.showNote(own);
  });
  on("keydown", (event) => {
    if (event.key !== "Escape" || !mm.note.of) return;
    event.preventDefault(); // the note closes, not the dialog around it
    event.stopPropagation();
    mm.hideNote();
  });
  on("scroll", mm.hideNote);
}
