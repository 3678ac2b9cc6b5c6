// The page of a report: draws its figures, pans and zooms them as one, sorts its tables.
// Without it the page shows the same figures as pictures, and the same tables.
"use strict";
(() => {
  const told = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const SHORTEST_MS = 10000; // of what can be seen: below, the axis has no round times
  const whole = [0, told.end_ms];
  let shown = whole;
  const views = new Map(); // by the figure's name

  // -- light and dark

  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  const toggle = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : preference.matches);

  function nameToggle() {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.hidden = false;
  }

  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameToggle();
    drawAll();
  });
  preference.addEventListener("change", () => {
    nameToggle();
    drawAll();
  });

  /** `value` with every colour of the light theme replaced by its counterpart. */
  function darkened(value) {
    if (typeof value === "string") return told.dark[value] ?? value;
    if (Array.isArray(value)) return value.map(darkened);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, darkened(part)]));
  }

  // -- figures

  /** The rows of a data set, which the page holds by columns. */
  function rows(columns) {
    const names = Object.keys(columns);
    const length = names.length ? columns[names[0]].length : 0;
    return Array.from({ length }, (_, row) => Object.fromEntries(names.map((name) => [name, columns[name][row]])));
  }

  async function draw(figure) {
    const place = document.getElementById("figure-" + figure.name);
    const spec = isDark() ? darkened(figure.spec) : structuredClone(figure.spec);
    spec.datasets = Object.fromEntries(Object.entries(figure.columns).map(([name, columns]) => [name, rows(columns)]));
    views.get(figure.name)?.finalize();
    place.classList.add("is-live"); // from here on its width can be measured
    const live = place.querySelector(".live");
    spec.config.title.limit = Math.max(160, live.clientWidth - 72); // beside the y axis
    const { view } = await vegaEmbed(live, spec, {
      ast: true, // interprets expressions: the page's security policy forbids eval
      actions: false,
      defaultStyle: false,
      tooltip: false,
      renderer: "svg",
    });
    views.set(figure.name, view);
    live.querySelector("svg").setAttribute("aria-hidden", "true"); // the element around it has a role and a name
    if (figure.timeline) {
      view.addSignalListener("zoom_t", (_, domain) => show(domain ? domain.map(Number) : whole));
      await zoomed(view);
      readOut(place, view, figure);
    }
    await fitted(view);
  }

  /** As wide as the page: what is beside the plotting area keeps its size. */
  async function fitted(view) {
    const live = view.container();
    const svg = live.querySelector("svg");
    const beside = Number(svg.getAttribute("width")) - view.width();
    const room = Math.min(live.clientWidth, 992) - beside;
    if (Math.abs(room - view.width()) >= 1) await view.width(Math.max(120, room)).runAsync();
  }

  let drawing = Promise.resolve();
  function drawAll() {
    drawing = drawing.then(async () => {
      for (const figure of told.figures) await draw(figure);
      root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
    });
    return drawing;
  }

  let width = window.innerWidth;
  let resizing = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return; // a phone's address bar comes and goes
    width = window.innerWidth;
    clearTimeout(resizing);
    resizing = setTimeout(drawAll, 150);
  });

  // -- one time for all figures

  const said = document.getElementById("shown");

  function clock(ms) {
    const s = Math.round(ms / 1000);
    const two = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor(s / 60);
    return minutes >= 60
      ? Math.floor(minutes / 60) + ":" + two(minutes % 60) + ":" + two(s % 60)
      : minutes + ":" + two(s % 60);
  }

  /** `domain` within the run, and not too short. */
  function within([from, to]) {
    const length = Math.min(Math.max(to - from, SHORTEST_MS), told.end_ms);
    const middle = (from + to) / 2;
    const start = Math.min(Math.max(middle - length / 2, 0), told.end_ms - length);
    return [Math.round(start), Math.round(start + length)];
  }

  function show(domain) {
    const wanted = within(domain);
    const isNew = wanted[0] !== shown[0] || wanted[1] !== shown[1];
    const isOff = wanted[0] !== Math.round(domain[0]) || wanted[1] !== Math.round(domain[1]);
    if (!isNew && !isOff) return;
    shown = wanted;
    said.textContent = clock(shown[0]) + " to " + clock(shown[1]);
    views.forEach((view, name) => told.figures.find((f) => f.name === name).timeline && zoomed(view));
  }

  function zoomed(view) {
    const before = view.signal("zoom_t")?.map(Number) ?? whole;
    if (before[0] === shown[0] && before[1] === shown[1]) return undefined;
    return view.signal("zoom_t", shown).runAsync();
  }

  const moves = {
    closer: ([from, to]) => [from + (to - from) / 4, to - (to - from) / 4],
    wider: ([from, to]) => [from - (to - from) / 2, to + (to - from) / 2],
    earlier: ([from, to]) => [from - (to - from) / 2, to - (to - from) / 2],
    later: ([from, to]) => [from + (to - from) / 2, to + (to - from) / 2],
    whole: () => whole,
  };
  for (const button of document.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => show(moves[button.dataset.move](shown)));
  }
  for (const link of document.querySelectorAll("a[data-from]")) {
    link.addEventListener("click", () => show([Number(link.dataset.from), Number(link.dataset.to)]));
  }

  /** Says below a figure's title what its lines are at the moment under the pointer. */
  function readOut(place, view, figure) {
    const out = place.querySelector(".readout");
    const lines = Object.entries(figure.columns).filter(([name]) => NAME_AND_UNIT.test(name));
    view.addEventListener("pointermove", (event) => {
      const svg = view.container().querySelector("svg");
      const x = event.clientX - svg.getBoundingClientRect().left - view.origin()[0];
      if (x < 0 || x > view.width()) return;
      const [from, to] = view.signal("zoom_t")?.map(Number) ?? whole;
      const at = from + (x / view.width()) * (to - from);
      out.textContent = clock(at) + ": " + lines.map(([name, c]) => valued(name, nearest(c, at))).join(", ");
    });
  }

  function nearest(columns, at) {
    let low = 0;
    let high = columns.t.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (columns.t[middle] < at) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && at - columns.t[low - 1] < columns.t[low] - at) low -= 1;
    return columns.v[low] ?? null;
  }

  const NAME_AND_UNIT = /^(.+) \((.+)\)$/;

  function valued(line, value) {
    const [, name, unit] = NAME_AND_UNIT.exec(line);
    if (value === null) return name + " –";
    if (unit !== "s") return name + " " + Number(value.toPrecision(6)) + " " + unit;
    const [factor, shorter] = value < 1e-3 ? [1e6, "µs"] : value < 1 ? [1e3, "ms"] : [1, "s"];
    return name + " " + Number((value * factor).toPrecision(3)) + " " + shorter;
  }

  // -- tables

  function sortKey(row, column) {
    const cell = row.cells[column];
    const number = cell.dataset.number;
    return number === undefined ? cell.textContent.trim() : Number(number);
  }

  function compared(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b, "en", { numeric: true });
  }

  function sort(table, header, column) {
    const isDown = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const body = table.tBodies[0];
    const sorted = [...body.rows].sort((a, b) => compared(sortKey(a, column), sortKey(b, column)));
    body.append(...(isDown ? sorted.reverse() : sorted));
  }

  for (const table of document.querySelectorAll("table")) {
    const heads = table.tHead?.rows[0].cells ?? [];
    if (heads.length < 3 || !heads[0].textContent) continue; // names and values stand in their order
    [...heads].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      header.replaceChildren(button);
      header.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, header, column));
    });
  }

  nameToggle();
  if (told.figures.some((figure) => figure.timeline)) {
    root.classList.add("has-figures");
    said.textContent = clock(shown[0]) + " to " + clock(shown[1]);
  }
  drawAll();
})();
