// The log screen: lines are fetched as one scrolls and let go again, a line opens in place, new ones come by themselves.
import { addKeys, choose, chosenRow } from "./keyboard.js";

// Rows that stay in the page. Beyond it those on the other side go; scrolling back fetches them again.
const MOST = 800;
const TAIL_EVERY = 2000;
const list = document.getElementById("log-list");

const rows = () => [...list.querySelectorAll("[data-row]")];
const more = (side) => list.querySelector(`[data-more=${side}]`);

async function fetched(address) {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  return holder;
}

// What is above the window may change its height without moving what is read.
function keepingPlace(change, anchor) {
  const before = anchor?.getBoundingClientRect().top;
  change();
  if (anchor?.isConnected) scrollBy(0, anchor.getBoundingClientRect().top - before);
}

function sentinel(side, cursor) {
  const address = new URL(location.href);
  address.searchParams.delete("before");
  address.searchParams.delete("after");
  address.searchParams.set("range", list.dataset.locked ?? address.searchParams.get("range") ?? "");
  if (!address.searchParams.get("range")) address.searchParams.delete("range");
  address.searchParams.set(side === "older" ? "before" : "after", cursor);
  const place = document.createElement("p");
  place.className = "log-more";
  place.dataset.more = side;
  place.dataset.from = `/logs/lines${address.search}`;
  const link = document.createElement("a");
  link.className = "button";
  link.href = `/logs${address.search}`;
  link.textContent = side === "older" ? "Older lines" : "Newer lines";
  place.append(link);
  watch.observe(place);
  return place;
}

function trim(side) {
  const all = rows();
  const surplus = all.length - MOST;
  if (surplus <= 0) return;
  const going = side === "newer" ? all.slice(0, surplus) : all.slice(-surplus);
  for (const row of going) row.remove();
  const left = rows();
  more(side)?.remove();
  list.querySelector(".log-end")?.remove();
  if (side === "newer") list.prepend(sentinel("newer", left[0].dataset.row));
  else list.append(sentinel("older", left.at(-1).dataset.row));
}

let loading = false;
async function extend(side) {
  const place = more(side);
  if (!place || loading) return;
  loading = true;
  const button = place.querySelector("a");
  button.textContent = "Fetching…";
  try {
    const got = await fetched(place.dataset.from);
    const fresh = [...got.querySelectorAll(".loglines > li")];
    const next = got.querySelector(`[data-more=${side}], .log-end`);
    const lines = list.querySelector(".loglines");
    const anchor = side === "older" ? rows().at(-1) : rows()[0];
    keepingPlace(() => {
      if (side === "older") lines.append(...fresh);
      else lines.prepend(...fresh);
      place.remove();
      if (next && side === "older") list.append(next);
      else if (next?.dataset.more) list.prepend(next);
      oneDayEach();
      trim(side === "older" ? "newer" : "older");
    }, anchor);
    if (next?.dataset.more) watch.observe(next);
  } catch (error) {
    button.textContent = "Fetching failed, try again";
    button.title = String(error);
  } finally {
    loading = false;
  }
}

// Each page begins with its day; the same day is said once.
function oneDayEach() {
  let last = "";
  for (const day of list.querySelectorAll(".day")) {
    if (day.dataset.day === last) day.remove();
    else last = day.dataset.day;
  }
}

const watch = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) extend(entry.target.dataset.more);
  },
  { rootMargin: "600px" },
);

async function replaceBy(address) {
  if (loading) return;
  loading = true;
  try {
    const got = await fetched(address);
    for (const one of list.querySelectorAll("[data-more], .log-end, .loglines")) one.remove();
    list.append(...got.children);
  } finally {
    loading = false;
  }
  for (const place of list.querySelectorAll("[data-more]")) watch.observe(place);
}

async function toEnd(oldest) {
  const button = document.querySelector("[data-oldest]");
  if (oldest && more("older") && button) {
    const address = new URL(button.href);
    await replaceBy(`/logs/lines${address.search}`);
  } else if (!oldest && more("newer")) {
    const address = new URL(location.href);
    for (const name of ["before", "after"]) address.searchParams.delete(name);
    location.assign(address);
    return;
  }
  choose(oldest ? rows().at(-1) : rows()[0]);
  chosenRow()?.scrollIntoView({ block: "center" });
}

function nextError(by) {
  const all = rows();
  const at = all.indexOf(chosenRow());
  const wrong = (row) => ["error", "fatal"].includes(row.dataset.level);
  const found = by > 0 ? all.slice(at + 1).find(wrong) : all.slice(0, Math.max(at, 0)).findLast(wrong);
  if (found) {
    choose(found);
    found.scrollIntoView({ block: "center" });
  } else if (by > 0) more("older")?.scrollIntoView();
}

async function open(row) {
  const known = row.querySelector(":scope > .opened");
  if (known) {
    known.remove();
    row.querySelector("[data-line]").setAttribute("aria-expanded", "false");
    return;
  }
  const link = row.querySelector("[data-line]");
  const opened = document.createElement("div");
  opened.className = "opened";
  opened.textContent = "Fetching…";
  row.append(opened);
  link.setAttribute("aria-expanded", "true");
  try {
    const got = await fetched(link.href);
    opened.replaceChildren(...got.childNodes);
  } catch (error) {
    opened.textContent = `The line cannot be read now. ${error.message}`;
  }
  const rest = row.querySelector("details.rest");
  if (rest) rest.open = true;
}

async function context() {
  const row = chosenRow();
  if (!row) return;
  if (!row.querySelector("[data-context]")) await open(row);
  const link = row.querySelector("[data-context]");
  if (link) location.assign(link.href);
}

function wrap() {
  const on = list.classList.toggle("wraps");
  const address = new URL(location.href);
  if (on) address.searchParams.set("wrap", "1");
  else address.searchParams.delete("wrap");
  history.replaceState(null, "", address);
  const box = document.querySelector("[data-log-form] [name=wrap]");
  if (box) box.checked = on;
}

// Live tail.

let tailing = 0;
let held = [];
let newest = "0";

function showHeld() {
  const lines = list.querySelector(".loglines");
  const known = new Set(rows().map((row) => row.dataset.row));
  const fresh = held.filter((row) => !known.has(row.dataset.row));
  held = [];
  lines.prepend(...fresh);
  while (rows().length > MOST) rows().at(-1).remove();
  hint();
}

function hint() {
  let place = list.querySelector(".log-new");
  if (!held.length) {
    place?.remove();
    return;
  }
  if (!place) {
    place = document.createElement("p");
    place.className = "log-new";
    const button = document.createElement("button");
    button.className = "button";
    button.type = "button";
    button.addEventListener("click", () => {
      showHeld();
      scrollTo({ top: 0 });
    });
    place.append(button);
    list.prepend(place);
  }
  place.firstChild.textContent = `Show ${held.length} new line${held.length === 1 ? "" : "s"}`;
}

async function follow() {
  const address = new URL(list.dataset.tail, location.href);
  address.searchParams.set("since", newest);
  try {
    const got = await fetched(address);
    const known = new Set([...rows(), ...held].map((row) => row.dataset.row));
    const fresh = [...got.querySelectorAll("[data-row]")].filter((row) => !known.has(row.dataset.row));
    const number = got.firstElementChild?.dataset.newest ?? "0";
    if (BigInt(number) > BigInt(newest)) newest = number;
    held = [...fresh, ...held].slice(0, MOST);
    // Who reads further down is not disturbed.
    if (scrollY < 400) showHeld();
    else hint();
    tell("Live: pause", true);
  } catch {
    tell("Live: no answer, trying on", true);
  }
}

function tell(text, on) {
  const button = document.querySelector("[data-live-tail]");
  button.setAttribute("aria-pressed", String(on));
  button.firstChild.textContent = `${text} `;
}

function live() {
  if (!document.querySelector("[data-live-tail]")) return;
  if (tailing) {
    clearInterval(tailing);
    tailing = 0;
    tell("Live", false);
    return;
  }
  tell("Live: pause", true);
  tailing = setInterval(() => document.hidden || follow(), TAIL_EVERY);
  follow();
}

// A range is chosen in the histogram by dragging; a click is the link of one bar.

function startBars(root) {
  const bars = root.querySelector?.("[data-bars]");
  if (!bars || bars.dataset.started) return;
  bars.dataset.started = "1";
  const links = [...bars.querySelectorAll("a")];
  let from = -1;
  let to = -1;
  const at = (event) => {
    const box = bars.getBoundingClientRect();
    return Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * links.length), 0), links.length - 1);
  };
  const show = () => links.forEach((link, place) => link.classList.toggle("is-in", from >= 0 && place >= Math.min(from, to) && place <= Math.max(from, to)));
  bars.addEventListener("dragstart", (event) => event.preventDefault());
  bars.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = to = at(event);
  });
  addEventListener("pointermove", (event) => {
    if (from < 0) return;
    to = at(event);
    show();
  });
  addEventListener("pointerup", () => {
    if (from < 0) return;
    const [low, high] = [Math.min(from, to), Math.max(from, to)];
    from = to = -1;
    show();
    if (low === high) return;
    const address = new URL(bars.dataset.base, location.href);
    address.searchParams.set("range", `${links[low].dataset.start} to ${links[high].dataset.end}`);
    location.assign(address);
  });
  // The link of the bar under the pointer must not follow after a drag.
  bars.addEventListener("click", (event) => links[at(event)]?.contains(event.target) || event.preventDefault());
}

function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    button.textContent = "Copied";
  });
}

export function startLogs() {
  if (!document.querySelector("[data-log-form]") && !list) return;
  startCopy();
  startBars(document);
  document.addEventListener("htmx:after:swap", () => startBars(document));
  // What is as usual stays out of the address.
  document.querySelector("[data-log-form]")?.addEventListener("formdata", ({ formData }) => {
    const columns = formData.getAll("columns").flatMap((one) => one.split(",")).map((one) => one.trim()).filter(Boolean);
    formData.delete("columns");
    if (columns.join() !== "service") formData.set("columns", columns.join());
    if (formData.get("range") === "last 1h") formData.delete("range");
    if (!formData.get("query")) formData.delete("query");
  });
  const query = document.getElementById("log-query");
  if (query) addKeys({ "/": () => query.select() });
  document.querySelector("[data-log-open]")?.addEventListener("click", (event) => {
    event.preventDefault();
    event.target.closest("details").open = false;
    const keep = document.getElementById(event.target.dataset.logOpen);
    keep.open = true;
    keep.querySelector("[name=name]").focus();
  });
  if (!list) return;
  newest = list.dataset.newest ?? "0";
  document.querySelector("[data-live-tail]")?.addEventListener("click", live);
  list.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link.closest("[data-row]"));
    open(link.closest("[data-row]"));
  });
  const here = list.dataset.here && list.querySelector(`[data-row="${list.dataset.here}"]`);
  if (here) {
    here.classList.add("is-here");
    here.scrollIntoView({ block: "center" });
  }
  for (const place of list.querySelectorAll("[data-more]")) watch.observe(place);
  addKeys({
    g: () => toEnd(false),
    G: () => toEnd(true),
    e: () => nextError(1),
    E: () => nextError(-1),
    w: wrap,
    o: context,
    l: live,
  });
}
