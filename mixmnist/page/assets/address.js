// An address for everything: what is chosen is kept in the location's hash, as #net=wide-0&unit=7, and read from it.
"use strict";
mm.opened = null; // the unit in the dialog: { exhibit, unit }
mm.part_at = "units"; // the part of the page that was used last
mm.pair = { first: 0, second: 1, by: "alike" };
mm.BY = { alike: "how alike they are", unit: "number", concept: "concept" };

// a short name for each exhibit, as wide-0; no two are alike
mm.slugs = (() => {
  const plain = (text) => text.toLowerCase().replace(/, seed /g, "-").replace(/[^\p{L}\p{N}.]+/gu, "-").replace(/^-|-$/g, "");
  const layers = new Set(mm.exhibits.map((one) => one.layer)).size > 1;
  const taken = new Map();
  return mm.exhibits.map((one) => {
    const slug = plain(layers ? `${one.name} ${one.layer}` : one.name), before = taken.get(slug) ?? 0;
    taken.set(slug, before + 1);
    return before ? `${slug}~${before + 1}` : slug;
  });
})();

// the hash of what is chosen now; what is as it was at first is left out
mm.hash = function () {
  const { view, off, pair, opened } = mm, slug = (place) => mm.slugs[place];
  const said = [["net", slug(mm.chosen)]];
  const say = (name, value, first) => { if (value !== first) said.push([name, value]); };
  const hand = (state) => [...off.hand].filter(([, gone]) => gone === state).map(([u]) => u).sort((a, b) => a - b).join(",");
  if (opened) {
    say("unit", opened.exhibit.units[opened.row].unit);
    say("of", slug(mm.exhibits.indexOf(opened.exhibit)), slug(mm.chosen));
  }
  say("off", hand(1), "");
  say("on", hand(0), "");
  say("first", off.step, 0);
  say("order", off.order, "best");
  say("to", off.toMean ? "mean" : "zero", "zero");
  say("one", slug(pair.first), slug(0));
  say("other", slug(pair.second), slug(1));
  say("by", pair.by, "alike");
  say("sort", view.sort, "alignment");
  say("up", view.falling ? 0 : 1, mm.SORTS[view.sort].rising ? 1 : 0);
  say("show", view.kind, "all");
  say("find", view.search, "");
  say("look", view.look, mm.LOOK);
  say("at", mm.part_at, "units");
  return `#${said.map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%2C/g, ",")}`).join("&")}`;
};

// how each thing of a hash is read: gives false, and leaves all as it is, where the value names nothing
mm.READ = (() => {
  const one = (table, set) => (value) => Object.hasOwn(table, value) && (set(value), true);
  const net = (set) => (value) => mm.slugs.includes(value) && (set(mm.slugs.indexOf(value)), true);
  const whole = (value) => (/^\d{1,6}$/.test(value) ? Number(value) : NaN);
  const units = (state) => (value, chosen) => {
    const found = value.split(",").map(whole);
    if (found.some((u) => !(u < chosen.n_units))) return false;
    for (const u of found) mm.off.hand.set(u, state);
    return true;
  };
  return {
    net: net((place) => { mm.chosen = place; }),
    of: net(() => {}),
    unit: (value, chosen, all) => {
      const exhibit = mm.slugs.includes(all.of) ? mm.exhibits[mm.slugs.indexOf(all.of)] : chosen, row = exhibit.rows.get(whole(value));
      if (row === undefined) return false;
      mm.opened = { exhibit, row };
      return true;
    },
    off: units(1),
    on: units(0),
    first: (value, chosen) => whole(value) <= chosen.n_units && ((mm.off.step = whole(value)), true),
    order: one(mm.ORDERS, (value) => { mm.off.order = value; }),
    to: one({ zero: 0, mean: 1 }, (value) => { mm.off.toMean = value === "mean"; }),
    one: net((place) => { mm.pair.first = place; }),
    other: net((place) => { mm.pair.second = place; }),
    by: one(mm.BY, (value) => { mm.pair.by = value; }),
    sort: one(mm.SORTS, (value) => { mm.view.sort = value; mm.view.falling = !mm.SORTS[value].rising; }),
    up: one({ 0: 0, 1: 1 }, (value) => { mm.view.falling = value === "0"; }),
    show: one(mm.KINDS, (value) => { mm.view.kind = value; }),
    find: (value) => { mm.view.search = value.slice(0, 80); return true; },
    look: one(mm.LOOKS, (value) => { mm.view.look = value; }),
    at: (value) => /^[\w-]+$/.test(value) && document.querySelector(`section#${CSS.escape(value)}`) !== null && ((mm.part_at = value), true),
  };
})();

// takes over what a hash says; gives what it could not make sense of
mm.readHash = function (hash) {
  const unknown = [], all = {};
  for (const part of hash.slice(1).split("&").filter(Boolean)) {
    const cut = part.indexOf("=");
    let value;
    try { value = decodeURIComponent(part.slice(cut + 1).replace(/\+/g, " ")); } catch { value = undefined; }
    if (cut < 1 || value === undefined || !Object.hasOwn(mm.READ, part.slice(0, cut))) unknown.push(part);
    else all[part.slice(0, cut)] = value;
  }
  Object.assign(mm, { chosen: 0, opened: null, part_at: "units", pair: { first: 0, second: Math.min(1, mm.exhibits.length - 1), by: "alike" } });
  Object.assign(mm.view, mm.VIEW);
  Object.assign(mm.off, { order: "best", toMean: false });
  mm.allOn();
  for (const [name, read] of Object.entries(mm.READ)) {
    if (Object.hasOwn(all, name) && !read(all[name], mm.exhibits[mm.chosen], all)) unknown.push(`${name}=${all[name]}`);
  }
  return unknown;
};

// Shows what the address says. A plain #part is an anchor, as anywhere; it changes nothing that is chosen.
mm.arrive = function (first = false) {
  const { hash } = window.location, ours = hash.includes("=");
  if (hash === mm.arrived && !first) return;
  mm.arrived = hash;
  mm.arriving = true;
  let unknown = [];
  if (ours || hash.length < 2) unknown = mm.readHash(ours ? hash : "");
  else {
    mm.opened = null;
    let id = hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* it is no address of ours */ }
    if (!document.getElementById(id)) unknown = [hash.slice(1)];
  }
  if (ours || hash.length < 2 || first) {
    document.getElementById("network").value = mm.chosen;
    mm.choose(mm.chosen);
    mm.drawCompare();
  }
  if (mm.opened) mm.openUnit(mm.opened.exhibit, mm.opened.row);
  else document.getElementById("unit").close();
  mm.arriving = false;
  mm.tellUnknown(unknown);
  if (ours && !history.state?.kept) { // not on the way back or forward, where the browser knows the place
    const land = () => document.getElementById(mm.part_at).scrollIntoView({ behavior: "instant" });
    land();
    if (document.readyState !== "complete") window.addEventListener("load", () => land(), { once: true });
    history.replaceState({ kept: true }, "", hash);
  }
};

// puts what is chosen into the address: as a step to go back from, or in place of the last one
mm.remember = function ({ at = mm.part_at, push = true } = {}) {
  if (mm.arriving) return;
  mm.part_at = at;
  const hash = mm.hash();
  if (hash === window.location.hash) return;
  mm.arrived = hash;
  history[push ? "pushState" : "replaceState"]({ kept: true }, "", hash);
};

mm.tellUnknown = function (unknown) {
  document.getElementById("address-note")?.remove();
  if (!unknown.length) return;
  const short = unknown.map((one) => (one.length > 40 ? `${one.slice(0, 40)}…` : one)).join(", ");
  const note = mm.h("div", { id: "address-note", class: "note warning", role: "status" }, mm.h("span", {}, `The address names what this page does not have: ${short}. That was left out.`),
    mm.h("button", { type: "button", onclick: () => note.remove() }, "Close"));
  (mm.opened ? document.querySelector("#unit .sheet") : document.body).append(note);
};

mm.copyLink = function () {
  const button = mm.h("button", { type: "button", class: "copy", onclick: async () => {
    mm.remember({ push: false });
    let copied = true;
    try { await navigator.clipboard.writeText(window.location.href); } catch { copied = mm.copyByHand(window.location.href, button); }
    button.textContent = copied ? "Copied" : "Copy it from the address bar";
    setTimeout(() => { button.textContent = "Copy link"; }, 2500);
  } }, "Copy link");
  button.setAttribute("aria-live", "polite");
  return button;
};

// where a browser keeps the clipboard from a page on the disk
mm.copyByHand = function (text, button) {
  const field = mm.h("textarea", { "aria-hidden": "true", style: { position: "fixed", opacity: 0 } }, text);
  button.after(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  button.focus();
  return copied;
};
