// The page of a report: pans and zooms its figures as one, fits them to the screen, sorts its tables.
// Without it the page shows the same figures and the same tables.
"use strict";
(() => {
  const told = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const SHORTEST_MS = 10000; // of what can be seen: below, the axis has no round times
  const WIDEST = 992; // px, of a figure
  const NARROWEST = 120; // px, of a plotting area
  const TICK_PX = 72; // between two ticks of the axis of time, at least
  const APART = 6; // px between two labels
  const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const whole = [0, told.end_ms];
  let shown = whole;

  // -- light and dark: the style has each ink twice

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
  });
  preference.addEventListener("change", nameToggle);

  // -- figures: as drawn, `span` is stretched along x, and `at` moves with it

  const lines = new Map(told.figures.map((figure) => [figure.name, figure.lines]));
  const figures = [...document.querySelectorAll("figure")].map((place) => {
    const svg = place.querySelector(".drawing svg");
    const name = place.id.replace("figure-", "");
    return {
      place,
      svg,
      lines: lines.get(name),
      isOverTime: lines.has(name),
      left: Number(svg.dataset.left),
      right: Number(svg.dataset.right), // of the plotting area: the names of lines
      height: Number(svg.getAttribute("height")),
      drawn: Number(svg.getAttribute("width")) - Number(svg.dataset.left) - Number(svg.dataset.right),
      width: 0, // of the plotting area, px, as shown
      spans: [...svg.querySelectorAll(".span")].map((node) => ({ node, isAxis: node.closest(".x") !== null })),
      ats: [...svg.querySelectorAll(".at")].map((node) => {
        const [x, y] = /translate\(([^ ]+) ([^)]+)\)/.exec(node.getAttribute("transform")).slice(1).map(Number);
        return { node, x, y };
      }),
      axes: [...svg.querySelectorAll(".x")],
    };
  });

  // One moment is at one place in all figures over time.
  const overTime = figures.filter((figure) => figure.isOverTime);
  const widest = Math.max(...overTime.map((figure) => figure.right));
  for (const figure of overTime) figure.right = widest;

  /** Lays a figure out, as wide as the page and for the time shown. */
  function layOut(figure) {
    const { svg, left, right, drawn } = figure;
    const room = Math.min(svg.parentElement.clientWidth, WIDEST);
    const width = (figure.width = Math.max(NARROWEST, room - left - right));
    const [from, to] = figure.isOverTime ? shown : [0, 1];
    const end = figure.isOverTime ? told.end_ms : 1;
    const zoom = ((width / drawn) * end) / (to - from);
    const shift = (-from / end) * drawn * zoom;
    svg.classList.add("is-live");
    svg.setAttribute("width", left + width + right);
    svg.setAttribute("viewBox", `0 0 ${left + width + right} ${figure.height}`);
    for (const { node, isAxis } of figure.spans) {
      node.setAttribute("transform", isAxis ? `scale(${width / drawn} 1)` : `translate(${shift} 0) scale(${zoom} 1)`);
    }
    for (const { node, x, y } of figure.ats) {
      node.setAttribute("transform", `translate(${x * zoom + shift} ${y})`);
    }
    for (const rect of svg.querySelectorAll("clipPath rect")) rect.setAttribute("width", width);
    for (const name of svg.querySelectorAll(".end")) name.setAttribute("x", width + 6);
    for (const title of svg.querySelectorAll(".x .title")) title.setAttribute("x", width / 2);
    for (const axis of figure.axes) figure.isOverTime ? timed(axis, width) : thinned(axis);
  }

  /** Shows of an axis's labels those that do not lie on one another. */
  function thinned(axis) {
    let free = -Infinity;
    for (const label of axis.querySelectorAll(".label")) {
      label.removeAttribute("display");
      const { left, right } = label.getBoundingClientRect();
      if (left < free + APART) label.setAttribute("display", "none");
      else free = right;
    }
  }

  /** Gives an axis of time the ticks of the time shown; made from those it has, however many it needs. */
  function timed(axis, width) {
    const [from, to] = shown;
    const rough = ((to - from) / width) * TICK_PX;
    const last = STEPS_S[STEPS_S.length - 1] * 1000;
    const step = STEPS_S.map((s) => s * 1000).find((ms) => ms >= rough) ?? Math.ceil(rough / last) * last;
    const marks = [...axis.querySelectorAll(".tick")];
    const labels = [...axis.querySelectorAll(".label")];
    const models = [marks[0], labels[0]];
    let used = 0;
    for (let ms = Math.ceil(from / step) * step; ms <= to; ms += step, used += 1) {
      const x = ((ms - from) / (to - from)) * width;
      for (const [nodes, model] of [[marks, models[0]], [labels, models[1]]]) {
        if (!model) continue; // only the lowest panel has labels
        const node = nodes[used] ?? axis.appendChild(model.cloneNode(true));
        node.setAttribute("transform", `translate(${x} 0)`);
        node.removeAttribute("display");
        if (nodes === labels) node.textContent = ofAxis(ms);
      }
    }
    for (const node of [...marks.slice(used), ...labels.slice(used)]) node.setAttribute("display", "none");
  }

  function ofAxis(ms) {
    const text = clock(ms);
    if (told.end_ms < 3600000) return text;
    const hours = ms < 3600000 ? "0:" + text.padStart(5, "0") : text;
    return hours.endsWith(":00") ? hours.slice(0, -3) : hours;
  }

  function drawAll() {
    figures.forEach(layOut);
    root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
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
    if (wanted[0] === shown[0] && wanted[1] === shown[1]) return;
    shown = wanted;
    said.textContent = clock(shown[0]) + " to " + clock(shown[1]);
    overTime.forEach(layOut);
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

  /** The share of the plotting area's width at which the pointer is; beyond 0..1 beside it. */
  function shareAt(figure, event) {
    return (event.clientX - figure.svg.getBoundingClientRect().left - figure.left) / figure.width;
  }

  // The wheel zooms with Ctrl (a trackpad's pinch sends the same), so that the page still scrolls.
  function wheeled(figure, event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const share = Math.min(Math.max(shareAt(figure, event), 0), 1);
    const at = shown[0] + share * (shown[1] - shown[0]);
    const factor = Math.min(4, Math.max(0.25, 2 ** (event.deltaY / 200)));
    show(shown.map((ms) => at + (ms - at) * factor));
  }

  /** Dragging moves the time: what is under the pointer stays there. */
  function grabbed(figure, event) {
    if (event.button !== 0) return;
    const [from, to] = shown;
    const share = shareAt(figure, event);
    if (share < 0 || share > 1) return;
    const { svg } = figure;
    const moved = (later) => {
      const by = (share - shareAt(figure, later)) * (to - from);
      show([from + by, to + by]);
    };
    const released = () => {
      svg.classList.remove("is-moving");
      svg.removeEventListener("pointermove", moved);
    };
    svg.setPointerCapture(event.pointerId);
    svg.classList.add("is-moving");
    svg.addEventListener("pointermove", moved);
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, released, { once: true });
  }

  /** Says below a figure's title what its lines are at the moment under the pointer. */
  function readOut(figure, event) {
    const share = shareAt(figure, event);
    if (share < 0 || share > 1) return;
    const at = shown[0] + share * (shown[1] - shown[0]);
    const values = figure.lines.map((line) => valued(line, nearest(line, at)));
    figure.place.querySelector(".readout").textContent = clock(at) + ": " + values.join(", ");
  }

  for (const figure of overTime) {
    figure.place.classList.add("over-time");
    figure.svg.addEventListener("wheel", (event) => wheeled(figure, event), { passive: false });
    figure.svg.addEventListener("pointerdown", (event) => grabbed(figure, event));
    figure.svg.addEventListener("pointermove", (event) => readOut(figure, event));
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

  function valued({ name, unit }, value) {
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
  if (overTime.length) {
    root.classList.add("has-figures");
    said.textContent = clock(shown[0]) + " to " + clock(shown[1]);
  }
  drawAll();
})();
