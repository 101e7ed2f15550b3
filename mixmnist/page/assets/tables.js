// Tables: each is sorted by any column, searched, and saved as csv as it is shown.
"use strict";
mm.FEW = 6; // rows below which there is nothing to search

mm.valueOf = function (cell) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  const number = text === "" ? NaN : Number(text);
  return Number.isNaN(number) ? text.toLowerCase() : number;
};

// numbers before words, what is missing last whatever the direction
mm.compareCells = function (a, b, falling) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const order = typeof a === typeof b ? (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true })) : typeof a === "number" ? -1 : 1;
  return falling ? -order : order;
};

mm.sortTable = function (table, column, falling) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [mm.valueOf(row.cells[column]), row]);
  rows.sort(([a], [b]) => mm.compareCells(a, b, falling));
  body.append(...rows.map(([, row]) => row));
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    if (place === column) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
};

mm.csvOf = function (table) {
  const heads = [...table.tHead.rows[0].cells], rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const places = heads.map((_, place) => place).filter((place) => mm.isShown(table, place));
  const has = (place, name) => rows.some((row) => row.cells[place].dataset[name] !== undefined);
  const beside = new Map(places.map((place) => [place, ["lower", "upper", "chance"].filter((name) => has(place, name))]));
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const name = (place) => heads[place].dataset.name ?? heads[place].textContent.trim();
  const line = (texts) => texts.map(quoted).join(",");
  const head = places.flatMap((place) => [name(place), ...beside.get(place).map((one) => `${name(place)}_${one}`)]);
  const digits = (text) => (/^-?\d*\.\d+(e-?\d+)?$|^-?\d+e-?\d+$/.test(text) ? String(Number(Number(text).toPrecision(6))) : text);
  const body = rows.map((row) => places.flatMap((place) => {
    const cell = row.cells[place];
    return [cell.dataset.value ?? cell.textContent.trim(), ...beside.get(place).map((one) => cell.dataset[one] ?? "")].map(digits);
  }));
  return [head, ...body].map(line).join("\n") + "\n";
};

mm.isShown = (table, place) => !table.tHead.rows[0].cells[place].classList.contains("more") || Boolean(table.closest(".tabled")?.querySelector(".all:checked"));

// the rows that show what is searched for: as a whole word, else as a whole number, else as a part of a word; digits inside numbers never
mm.found = function (table, rows, wanted) {
  const isNumber = (cell) => cell.matches(".number, .between") || /^[−-]?[\d,]*\.\d+$/.test(cell.textContent.trim());
  const cells = (row, numbers) => [...row.cells].filter((cell, place) => mm.isShown(table, place) && isNumber(cell) === numbers);
  const text = (cell) => cell.textContent.trim().toLowerCase(), plain = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const word = new RegExp(`(?<![\\p{L}\\p{N}.])${plain}(?![\\p{L}\\p{N}]|\\.\\d)`, "u");
  const number = (cell) => (cell.querySelector("b")?.textContent ?? text(cell)).trim() === wanted;
  const ways = [(row) => cells(row, false).some((cell) => word.test(text(cell))), (row) => cells(row, true).some(number), (row) => cells(row, false).some((cell) => text(cell).includes(wanted))];
  return ways.map((way) => rows.filter(way)).find((some) => some.length) ?? [];
};

mm.save = function (name, text, type) {
  const link = mm.h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], rows = [...table.tBodies[0].rows]; // in their first order
  const first = (place) => { // high to low first, words from a to z
    const values = [...table.tBodies[0].rows].map((row) => mm.valueOf(row.cells[place])).filter((value) => value !== "");
    return values.some((value) => typeof value === "number");
  };
  const sort = (place) => {
    const now = heads[place].getAttribute("aria-sort");
    if (now && (now === "descending") !== first(place)) return unsorted(); // a third time
    mm.sortTable(table, place, now ? now === "ascending" : first(place));
  };
  const unsorted = () => {
    table.tBodies[0].append(...rows);
    heads.forEach((head) => head.removeAttribute("aria-sort"));
  };
  const called = (head) => (head.querySelector(".term") ?? head.firstChild)?.textContent.trim() || head.textContent.trim();
  heads.forEach((head, place) => {
    const button = mm.h("button", { type: "button", class: "sort", "aria-label": `sort by ${called(head)}`, onclick: () => sort(place) });
    head.insertBefore(button, head.querySelector(".ends, .meaning"));
  });

  const search = rows.length >= mm.FEW && mm.h("label", {}, "Search", mm.h("input", { type: "search", oninput: (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    const found = wanted ? mm.found(table, rows, wanted) : rows;
    for (const row of rows) row.hidden = !found.includes(row);
  } }));
  const narrow = mm.h("label", { class: "narrow" }, "Sort by", mm.h("select", { onchange: (event) => sort(Number(event.target.value)) },
    mm.h("option", { value: "", disabled: true, selected: true }, "as it is"), heads.map((head, place) => mm.h("option", { value: place }, called(head)))));
  const save = mm.h("button", { type: "button", class: "csv", onclick: () => mm.save(`${table.dataset.file}.csv`, mm.csvOf(table), "text/csv") }, "Save as csv");
  let tools = table.closest(".tabled")?.querySelector(".tools");
  if (!tools) {
    tools = mm.h("div", { class: "tools" });
    table.closest(".wide").before(tools);
  }
  tools.prepend(...[search, table.classList.contains("stack") && narrow].filter(Boolean));
  tools.append(save);
}

// of the units' tables that of the chosen network is shown
mm.part(function () {
  for (const table of document.querySelectorAll(".of-network")) table.hidden = Number(table.dataset.network) !== mm.chosen;
});

// on paper nothing is folded
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.fold:not([open]):not([hidden])")) {
    fold.open = true;
    window.addEventListener("afterprint", () => { fold.open = false; }, { once: true });
  }
});
