// One key a decision. Each key only presses a button or follows a link that stands on the page.

const GO = { t: "/", a: "/alerts", s: "/services", r: "/rules", o: "/on-call", c: "/changes", k: "/known-errors", h: "/health" };
let waitsForPlace = 0;
let chosen = null;

const rows = () => [...document.querySelectorAll("[data-rows] [data-row]")];
const current = () => rows().find((row) => row.dataset.row === chosen);

export const chosenRow = () => current();

export function choose(row) {
  chosen = row?.dataset.row ?? null;
  mark();
  row?.querySelector("[data-row-link]")?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

function mark() {
  for (const row of rows()) {
    if (row.dataset.row === chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.dataset.row === chosen);
  choose(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

function take() {
  const row = current() ?? null;
  const button = row ? row.querySelector("[data-take]") : document.querySelector("[data-key=a]");
  button?.click();
}

function openDeed(name) {
  const deed = document.querySelector(`[data-deed=${name}]`);
  if (!deed) return;
  deed.open = true;
  deed.querySelector("textarea, select, input:not([type=hidden])")?.focus();
}

export function openDialog(name) {
  const dialog = document.getElementById(name);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("opened"));
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  1: take,
  a: take,
  h: () => document.querySelector("[data-key=h]")?.click(),
  n: () => openDeed("n"),
  r: () => openDeed("r"),
  "?": () => openDialog("help"),
  "/": () => openDialog("palette"),
};

// A screen with keys of its own; they win over those of all screens.
export function addKeys(own) {
  Object.assign(KEYS, own);
}

function closeOpen() {
  for (const open of document.querySelectorAll("details.menu[open], details.filter-fold[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openDialog("palette");
    return;
  }
  if (event.key === "Escape") closeOpen();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (Date.now() - waitsForPlace < 1500 && GO[event.key]) {
    waitsForPlace = 0;
    location.assign(GO[event.key]);
    return;
  }
  if (event.key === "g") {
    waitsForPlace = Date.now();
    KEYS.g?.();
    return;
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open]");
  if (!opener || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  opener.closest("details.menu")?.removeAttribute("open");
  openDialog(opener.dataset.open);
});

// A list that was fetched anew keeps the choice.
document.addEventListener("htmx:after:swap", mark);
