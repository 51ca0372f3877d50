// Live updates: one stream, told on as events of the page's own, to which panels listen with hx-trigger.

const { feed, zone } = document.body.dataset;
const place = document.getElementById("live");
const words = place?.querySelector("[data-live-text]");
const said = document.querySelector("[data-live-said]");
const SILENCE = 35_000;

let lastSign = 0;
let lastId = feed;
let connected = false;
let source = null;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: zone || undefined });
const offsets = new Intl.DateTimeFormat("en-GB", { timeZoneName: "longOffset", timeZone: zone || undefined });

function offset(at) {
  const name = offsets.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "GMT";
  return name === "GMT" ? "+00:00" : name.slice(3);
}

function show() {
  const now = new Date();
  const alive = connected && now - lastSign < SILENCE;
  place.classList.toggle("is-live", alive);
  place.classList.toggle("is-cut", !alive && lastSign > 0);
  if (alive) words.textContent = `live · ${clock.format(now)} ${offset(now)}`;
  else if (lastSign) words.textContent = `data as of ${clock.format(lastSign)}, reconnecting`;
}

function sign() {
  lastSign = new Date();
  if (!connected) {
    // Said once and not every second, for those who listen to the page.
    if (said.textContent) said.textContent = "Live again";
    connected = true;
  }
  show();
}

function lost() {
  if (connected) said.textContent = "Connection lost, reconnecting";
  connected = false;
  show();
}

function tell(name, detail) {
  document.body.dispatchEvent(new CustomEvent(name, { detail }));
}

function received(event) {
  sign();
  lastId = event.lastEventId || lastId;
  const item = JSON.parse(event.data);
  const topic = item.topic.replace(".", "-");
  tell(`live-${topic}`, item);
  if (item.ref) tell(`live-${topic}-${item.ref}`, item);
  if (item.topic === "incidents" && item.ref) tell(`live-incident-${item.ref}`, item);
  if (item.topic === "page") paged(item);
  if (item.topic === "incidents" || item.topic === "incident") countSoon();
}

let counting = 0;
function countSoon() {
  clearTimeout(counting);
  counting = setTimeout(count, 400);
}

async function count() {
  const answer = await fetch("/attention", { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const found = await answer.json();
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = found.count ? `(${found.count}) ${title}` : title;
  document.getElementById("favicon").href = found.icon;
  const badge = document.querySelector("[data-count]");
  badge.hidden = !found.count;
  badge.querySelector("[data-count-number]").textContent = found.count;
}

function paged(item) {
  const toast = document.createElement("div");
  toast.className = "toast";
  const link = document.createElement("a");
  link.textContent = item.data.subject;
  link.href = own(item.ref, item.data.link);
  const close = document.createElement("button");
  close.className = "plain";
  close.textContent = "Close";
  close.addEventListener("click", () => toast.remove());
  toast.append(link, close);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), 120_000);
  if ("Notification" in window && Notification.permission === "granted" && document.hidden) {
    const note = new Notification(item.data.subject, { tag: item.data.key });
    note.onclick = () => location.assign(link.href);
  }
}

function own(ref, place) {
  if (/^\/\w/.test(place ?? "")) return place;
  if (ref === "/calendar") return ref;
  const number = String(ref).replace(/^INC-/, "");
  return /^\d+$/.test(number) ? `/i/${number}` : "/";
}

function connect() {
  source = new EventSource(`/events?after=${encodeURIComponent(lastId)}`);
  source.onmessage = received;
  source.addEventListener("beat", () => {
    const again = !connected && lastSign;
    sign();
    // What was drawn before the cut may be old, also where the stream missed nothing.
    if (again) tell("live-again");
  });
  source.addEventListener("reload", () => {
    tell("live-again");
    countSoon();
  });
  source.addEventListener("signed-out", () => {
    source.close();
    connected = false;
    words.textContent = "signed out, reload to sign in";
    place.classList.replace("is-live", "is-cut");
    lastSign = 0;
  });
  source.onerror = () => {
    lost();
    // The browser gives up on an answer that is no stream, such as a restart behind a proxy; we do not.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
}

if (place && feed) {
  connect();
  setInterval(show, 1000);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
}
