// What a person does with the timeline: choose, filter, zoom, and read a message in full.

const $ = id => document.getElementById(id);
const run = JSON.parse($("run").textContent);
const ROW = 24, SPAN_MIN = 0.0005;

const all = [
  ...run.messages.map(([at, node, to, kind, text, fate, arrivals, content]) => (
    {message: true, at, node, to, kind, text, fate, arrivals, content,
      last: arrivals.length ? Math.max(...arrivals.map(each => each[0])) : fate === "lost" || fate === "cut" || fate === "unlinked" ? at : run.end})),
  ...run.events.map(([at, node, kind, text]) => ({message: false, at, node, to: node, kind, text, last: at})),
].map((item, order) => ({...item, order})).sort((a, b) => a.at - b.at || a.order - b.order);
run.bandsOf = run.nodes.map((_, node) => run.bands.filter(band => band[0] === node));
run.progressOf = run.nodes.map((_, node) => run.progress.filter(step => step[1] === node));
run.heights = Math.max(1, ...run.progress.map(step => step[2]));
const failure = all.find(item => item.kind === "violation") || null;

const view = {begin: 0, end: run.end, nodes: run.nodes.map((_, at) => at), items: all, chosen: null};
const hidden = {groups: new Set(), kinds: new Set(["disk", "link"])};
const chart = new Chart($("chart"), run, view);
let due = false, keepFields = null;

function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; render(); });
}

function render() {
  const columns = $("columns");
  chart.measure(columns.clientWidth, columns.clientHeight);
  const shown = chart.draw();
  renderHead();
  renderOverview();
  $("stage").dataset.shown = shown.messages.length + shown.events.length;
  for (const [id, value] of [["from", view.begin], ["to", view.end]]) if (keepFields !== id) $(id).value = value.toFixed(view.end - view.begin < 1 ? 4 : 2);
}

function renderHead() {
  const head = $("head"), columns = $("columns"), left = $("overview").clientWidth - columns.scrollLeft;
  $("stage").classList.toggle("more", columns.scrollLeft + columns.clientWidth < chart.width - 2);
  head.replaceChildren(...view.nodes.map(node => {
    const name = document.createElement("span");
    name.textContent = run.nodes[node];
    name.style.left = left + chart.column.get(node) + "px";
    return name;
  }));
}

function renderOverview() {
  const canvas = $("overview"), width = canvas.clientWidth, height = $("columns").clientHeight;
  if (canvas.height !== Math.round(height * devicePixelRatio)) sized(canvas, width, height);
  const pen = canvas.getContext("2d"), colours = chart.colours, y = time => time / run.end * height;
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.fillStyle = colours.stripe;
  pen.fillRect(0, 0, width, height);
  const counts = new Array(Math.ceil(height / 3)).fill(0);
  for (const item of view.items) counts[Math.min(counts.length - 1, Math.floor(y(item.at) / 3))]++;
  const most = Math.max(1, ...counts);
  pen.fillStyle = colours.follower;
  counts.forEach((count, at) => pen.fillRect(0, at * 3, Math.sqrt(count / most) * (width - 12), 2.5));
  for (const [node, kind, value, from, to] of run.bands) {
    if (kind !== "role" || !value.startsWith("leader")) continue;
    pen.fillStyle = colours.leader;
    pen.fillRect(width - 10 + node % 2 * 4, y(from), 4, Math.max(1, y(to) - y(from)));
  }
  if (failure) { pen.fillStyle = colours.bad; pen.fillRect(0, Math.min(height - 3, y(failure.at)), width, 3); }
  pen.strokeStyle = colours.accent;
  pen.lineWidth = 2;
  pen.fillStyle = colours.accent;
  pen.globalAlpha = 0.16;
  pen.fillRect(1, y(view.begin), width - 2, Math.max(4, y(view.end) - y(view.begin)));
  pen.globalAlpha = 1;
  pen.strokeRect(1, y(view.begin) + 1, width - 2, Math.max(4, y(view.end) - y(view.begin)) - 2);
}

function show(begin, end) {
  const span = Math.min(run.end || 1, Math.max(SPAN_MIN, end - begin));
  const most = Math.max(0, run.end + span * 0.04 - span);
  view.begin = Math.max(0, Math.min(begin, most));
  view.end = view.begin + span;
  if (!view.chosen) $("list").scrollTop = Math.max(0, view.items.findIndex(item => item.at >= view.begin)) * ROW; // it follows
  redraw();
}

function zoom(factor, around = (view.begin + view.end) / 2) {
  show(around - (around - view.begin) * factor, around + (view.end - around) * factor);
}

function reveal(item) {
  const span = view.end - view.begin;
  if (item.at < view.begin + span * 0.05 || item.at > view.end - span * 0.05) show(item.at - span / 2, item.at + span / 2);
}

// --- filters

function refilter() {
  const nodes = new Set(view.nodes), wanted = $("find").value.trim().toLowerCase();
  view.items = all.filter(item => {
    if (item.kind === "violation") return true;
    if (item.message ? hidden.groups.has(item.kind) : hidden.kinds.has(item.kind)) return false;
    if (item.message ? !(nodes.has(item.node) && nodes.has(item.to)) : item.node >= 0 && !nodes.has(item.node)) return false;
    return !wanted || item.text.toLowerCase().includes(wanted);
  });
  $("count").textContent = view.items.length === all.length ? `${all.length}` : `${view.items.length} of ${all.length}`;
  renderList();
  redraw();
}

function checkbox(into, text, colour, count, on, changed, title) {
  const label = document.createElement("label"), box = document.createElement("input");
  box.type = "checkbox";
  box.checked = on;
  box.addEventListener("change", () => { changed(box.checked); refilter(); });
  label.append(box);
  if (colour) {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = `var(--${colour})`;
    label.append(swatch);
  }
  const number = document.createElement("b");
  number.textContent = count;
  label.append(text, number);
  if (title) label.title = title;
  into.append(label);
}

function buildFilters() {
  const count = test => all.filter(test).length;
  run.nodes.forEach((name, node) => checkbox($("nodes"), name, null, count(item => item.node === node), true, on => {
    view.nodes = run.nodes.map((_, at) => at).filter(at => at === node ? on : view.nodes.includes(at));
  }));
  for (const [group, kinds] of Object.entries(run.groups)) {
    const number = count(item => item.message && item.kind === group);
    if (number) checkbox($("groups"), group, group, number, true, on => hidden.groups[on ? "delete" : "add"](group), kinds.join(", "));
  }
  for (const [kind, words] of Object.entries(run.eventKinds)) {
    const number = count(item => !item.message && item.kind === kind);
    if (number && kind !== "violation") checkbox($("kinds"), kind, null, number, !hidden.kinds.has(kind), on => hidden.kinds[on ? "delete" : "add"](kind), words);
  }
}

// --- the list

function sentence(item) {
  const who = item.node < 0 ? "" : run.nodes[item.node] + (item.message ? ` → ${run.nodes[item.to] ?? "?"}` : "");
  const fate = item.message && item.fate !== "sent" ? ` (${item.fate})` : "";
  return `${who} ${item.text}${fate}`.trim();
}

function renderList() {
  const list = $("list"), rows = $("rows"), first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  rows.style.height = view.items.length * ROW + "px";
  const shown = view.items.slice(first, first + Math.ceil(list.clientHeight / ROW) + 10);
  rows.replaceChildren(...shown.map((item, at) => {
    const row = document.createElement("div"), time = document.createElement("time");
    row.setAttribute("role", "option");
    row.id = "row" + (first + at);
    row.setAttribute("aria-posinset", first + at + 1);
    row.setAttribute("aria-setsize", view.items.length);
    row.setAttribute("aria-selected", item === view.chosen);
    row.style.top = (first + at) * ROW + "px";
    time.textContent = item.at.toFixed(6);
    row.append(time, sentence(item));
    row.title = sentence(item);
    if (item.kind === "violation") row.className = "violation";
    row.addEventListener("click", () => choose(item));
    return row;
  }));
  const place = view.items.indexOf(view.chosen);
  if (place >= first && place < first + shown.length) list.setAttribute("aria-activedescendant", "row" + place);
  else list.removeAttribute("aria-activedescendant");
}

function scrollTo(item) {
  const list = $("list"), top = view.items.indexOf(item) * ROW;
  if (top >= 0 && (top < list.scrollTop || top > list.scrollTop + list.clientHeight - ROW)) list.scrollTop = top - list.clientHeight / 2;
  renderList();
}

// --- one item in full

function choose(item) {
  view.chosen = item;
  if (item) { reveal(item); }
  renderDetails(item);
  scrollTo(item);
  redraw();
}

function renderDetails(item) {
  const box = $("details"), title = document.createElement("h2");
  if (!item) {
    title.textContent = "Nothing chosen";
    const hint = document.createElement("p");
    hint.textContent = "Choose a message or an event to see it in full.";
    box.replaceChildren(title, hint);
    return;
  }
  const facts = document.createElement("dl");
  const fact = (name, value) => {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    facts.append(term, text);
  };
  title.textContent = item.message ? item.text : item.kind;
  if (item.message) {
    fact("from", run.nodes[item.node]);
    fact("to", run.nodes[item.to] ?? "nobody known");
    fact("sent", item.at.toFixed(6) + " s");
    for (const [at, taken] of item.arrivals) fact("arrives", `${at.toFixed(6)} s, ${((at - item.at) * 1000).toFixed(1)} ms later${taken ? "" : ", to a life that has ended"}`);
    fact("fate", `${item.fate}: ${run.fates[item.fate]}`);
  } else {
    fact("at", item.at.toFixed(6) + " s");
    if (item.node >= 0) fact("node", run.nodes[item.node]);
    fact("what", item.text);
  }
  if (item.node >= 0) {
    const at = run.bandsOf[item.node].filter(band => band[3] <= item.at && item.at < Math.max(band[4], band[3] + 1e-9)).map(band => band[2]);
    fact(run.nodes[item.node] + " is", at.join("; ") || "not started");
    const steps = run.progressOf[item.node], step = steps[later(steps, item.at) - 1];
    if (step) fact("it has", `committed ${step[2]}, certified ${step[3]}`);
  }
  box.replaceChildren(title, facts);
  if (item.message) {
    const whole = document.createElement("pre");
    whole.textContent = told(run.contents[item.content], "");
    box.append(whole);
  }
}

function told(value, indent) {
  if (Array.isArray(value)) {
    if (!value.length) return "none";
    if (value.every(each => each === null || typeof each !== "object")) return value.map(each => each ?? "none").join(", ");
    return value.map(each => `\n${indent}· ${told(each, indent + "  ").trimStart()}`).join("");
  }
  if (value === null) return "none";
  if (typeof value !== "object") return String(value) === "" ? "empty" : String(value);
  const {"": name, ...rest} = value;
  return (name ? name : "") + Object.entries(rest).map(([key, each]) => `\n${indent}  ${key}: ${told(each, indent + "  ")}`).join("");
}

// --- hands on it

function step(by) {
  if (!view.items.length) return;
  let place = view.items.indexOf(view.chosen);
  if (place < 0) place = Math.max(0, view.items.findIndex(item => item.at >= view.begin)) - (by > 0 ? 1 : 0);
  choose(view.items[Math.max(0, Math.min(view.items.length - 1, place + by))]);
}

function toFailure() {
  if (!failure) return;
  const telling = item => item.kind === "votes" || item.kind === "entries" || item.kind === "reads";
  const before = all.filter(item => item.message && telling(item) && item.at <= failure.at).slice(-24);
  const first = before.length ? before[0].at : failure.at - 1;
  show(first - (failure.at - first) * 0.04, failure.at + Math.max(0.002, (failure.at - first) * 0.08));
  choose(failure);
}

const KEYS = {
  ArrowDown: () => step(1), ArrowUp: () => step(-1), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
  PageDown: () => show(view.begin + (view.end - view.begin) * 0.8, view.end + (view.end - view.begin) * 0.8),
  PageUp: () => show(view.begin - (view.end - view.begin) * 0.8, view.end - (view.end - view.begin) * 0.8),
  Home: () => show(0, view.end - view.begin), End: () => show(run.end, run.end + view.end - view.begin),
  0: () => show(0, run.end), f: toFailure, Escape: () => choose(null),
};

for (const id of ["columns", "list"]) {
  $(id).addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
}

$("columns").addEventListener("wheel", event => {
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
  const span = view.end - view.begin, top = $("chart").getBoundingClientRect().top;
  if (!event.ctrlKey && (event.deltaY < 0 ? view.begin <= 0 : view.end >= run.end)) return;
  event.preventDefault();
  if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, chart.time(event.clientY - top));
  else show(view.begin + event.deltaY / chart.height * span * 0.8, view.end + event.deltaY / chart.height * span * 0.8);
}, {passive: false});

let pressed = null, hovering = false;
$("chart").addEventListener("pointermove", event => {
  if (hovering || event.buttons) return;
  hovering = true;
  requestAnimationFrame(() => { // what lies under the pointer, before anybody clicks
    hovering = false;
    const item = chart.under(event.offsetX, event.offsetY);
    $("chart").title = item ? `${sentence(item)}, ${item.at.toFixed(6)} s` : "";
    $("chart").style.cursor = item ? "pointer" : "";
  });
});
$("chart").addEventListener("pointerdown", event => { pressed = [event.offsetX, event.offsetY]; });
$("chart").addEventListener("pointerup", event => {
  if (!pressed) return;
  const [, y] = pressed;
  pressed = null;
  if (Math.abs(event.offsetY - y) > 12) show(...[chart.time(y), chart.time(event.offsetY)].sort((a, b) => a - b));
  else choose(chart.under(event.offsetX, event.offsetY));
});

function move(event) {
  if (!(event.buttons & 1) && event.type !== "pointerdown") return;
  const at = event.offsetY / $("overview").clientHeight * run.end, span = view.end - view.begin;
  show(at - span / 2, at + span / 2);
}
$("overview").addEventListener("pointerdown", move);
$("overview").addEventListener("pointermove", move);

$("in").addEventListener("click", () => zoom(0.5, view.chosen && view.chosen.at >= view.begin && view.chosen.at <= view.end ? view.chosen.at : undefined));
$("out").addEventListener("click", () => zoom(2));
$("whole").addEventListener("click", () => show(0, run.end));
$("failure").addEventListener("click", toFailure);
$("failure").disabled = !failure;
$("find").addEventListener("input", refilter);
for (const id of ["from", "to"]) {
  $(id).addEventListener("focus", () => { keepFields = id; });
  $(id).addEventListener("blur", () => { keepFields = null; redraw(); });
  $(id).addEventListener("change", () => {
    const begin = Number($("from").value), end = Number($("to").value);
    if (Number.isFinite(begin) && end > begin) show(begin, end);
  });
}
$("list").addEventListener("scroll", () => requestAnimationFrame(renderList));
$("columns").addEventListener("scroll", renderHead);
new ResizeObserver(redraw).observe($("columns"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { chart.readColours(); redraw(); });

buildFilters();
refilter();
renderDetails(null);
if (failure) toFailure();
