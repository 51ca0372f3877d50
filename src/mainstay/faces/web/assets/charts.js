// Charts: drawn for the width that they have and in the colours of the page. The drawing library comes when one is there.

const RENEW = 60_000;
const places = new Map();

export function drawCharts(root) {
  for (const place of places.keys()) {
    if (place.isConnected) continue;
    places.get(place).destroy();
    places.delete(place);
  }
  for (const place of root.querySelectorAll("[data-chart]")) {
    if (!places.has(place)) draw(place);
  }
}

async function draw(place) {
  places.set(place, { destroy() {} });
  const { default: Plot } = await import("uplot");
  const chart = new Chart(Plot, place, JSON.parse(place.dataset.chart));
  places.set(place, chart);
}

// Custom properties hold light-dark(), which only a real colour of a real element resolves.
// A line through one value is nothing to be seen, so few values are drawn as points too.
function sparse(values) {
  return values.filter((value) => value != null).length < 30;
}

function colour(place, name) {
  place.style.color = `var(--${name})`;
  const found = getComputedStyle(place).color;
  place.style.color = "";
  return found;
}

class Chart {
  constructor(Plot, place, data) {
    this.Plot = Plot;
    this.place = place;
    this.data = data;
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.build();
    this.dark.addEventListener("change", this.redraw);
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(place);
    this.timer = setInterval(() => this.renew(), RENEW);
    this.build();
  }

  // Fetches the panel anew and takes its values, so that an open table below the chart stays as it is.
  async renew() {
    const source = this.place.closest("[hx-get]");
    if (!source || document.hidden) return;
    const answer = await fetch(source.getAttribute("hx-get"), { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-chart]");
    if (!fresh || !this.place.isConnected) return;
    this.data = JSON.parse(fresh.dataset.chart);
    this.place.ariaLabel = fresh.ariaLabel;
    const told = this.place.parentElement.querySelector("figcaption > p");
    if (told) told.textContent = fresh.ariaLabel;
    this.build();
  }

  build() {
    this.plot?.destroy();
    const { data } = this;
    const values = data.series.map((one) => one.values);
    this.plot = new this.Plot(this.options(), [data.times, ...values], this.place);
  }

  fit() {
    const width = this.place.clientWidth;
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: this.height() });
  }

  height() {
    return this.place.clientWidth < 500 ? 200 : 230;
  }

  options() {
    const { place, data } = this;
    const [ink, quiet, line, alarm, mark] = ["ink", "ink-2", "line", "p1", "accent"].map((name) => colour(place, name));
    const font = "12px Inter, system-ui, sans-serif";
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const strokes = [ink, mark, colour(place, "p2"), colour(place, "good"), colour(place, "p4"), colour(place, "p3")];
    const zone = document.body.dataset.zone || undefined;
    return {
      width: place.clientWidth,
      height: this.height(),
      tzDate: (at) => this.Plot.tzDate(new Date(at * 1000), zone),
      padding: [data.marks.length ? 20 : 10, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { show: data.series.length > 1 },
      scales: { y: { range: (_, low, high) => this.range(low, high) } },
      axes: [{ ...axis, values: (_, times) => times.map((at) => this.time(at, zone)), space: 70, size: 32 }, { ...axis, size: 58, space: 36 }],
      series: [
        { value: (_, at) => (at == null ? "" : this.time(at, zone)) },
        ...data.series.map((one, place) => ({ label: one.name, stroke: strokes[place % strokes.length], width: 1.5, dash: place >= strokes.length ? [6, 3] : undefined, points: { show: sparse(one.values), size: 5 }, value: (_, value) => (value == null ? "none" : value.toPrecision(4)) })),
      ],
      hooks: { draw: [(plot) => this.overlay(plot, { alarm, mark, quiet, font })] },
    };
  }

  time(at, zone) {
    return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(at * 1000);
  }

  range(low, high) {
    const { threshold } = this.data;
    const known = [low ?? 0, high ?? 1, ...(threshold == null ? [] : [threshold])];
    const bottom = Math.min(...known, 0);
    const top = Math.max(...known);
    return [bottom, top + (top - bottom || 1) * 0.08];
  }

  overlay(plot, { alarm, mark, quiet, font }) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.font = font.replace("12px", `${12 * ratio}px`);
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.lineWidth = ratio;
    if (this.data.threshold != null) {
      const y = plot.valToPos(this.data.threshold, "y", true);
      ctx.strokeStyle = alarm;
      ctx.setLineDash([4 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.fillStyle = alarm;
      ctx.fillText(`threshold ${this.data.threshold}`, bbox.left + 6 * ratio, y - 5 * ratio);
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = mark;
    ctx.fillStyle = quiet;
    let free = -Infinity;
    for (const one of [...this.data.marks].sort((a, b) => a.at - b.at)) {
      const x = plot.valToPos(one.at, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const width = ctx.measureText(one.text).width;
      const left = Math.min(Math.max(x - width / 2, bbox.left), bbox.left + bbox.width - width);
      // A label that would lie on the one before is left to the list below the chart.
      if (left < free) continue;
      ctx.fillText(one.text, left, bbox.top - 6 * ratio);
      free = left + width + 8 * ratio;
    }
    ctx.restore();
  }

  destroy() {
    this.dark.removeEventListener("change", this.redraw);
    this.watcher.disconnect();
    clearInterval(this.timer);
    this.plot?.destroy();
  }
}
