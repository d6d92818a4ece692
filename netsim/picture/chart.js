// Draws the run on a canvas: nodes as columns, time downwards. Draws only what is in view, and
// knows what lies under a point. All times are simulated seconds.

const COLUMN_MIN = 118, AXIS = 74, LIFE = 12, LABELS_MAX = 160, EVENT_LABELS_MAX = 120, MANY = 700;

class Chart {
  constructor(canvas, run, view) {
    this.canvas = canvas;
    this.run = run;
    this.view = view; // {begin, end, nodes: shown places, items: shown, chosen}
    this.colours = {};
    this.readColours();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "card", "ink", "soft", "line", "accent", "bad", "leader", "candidate", "follower",
      "follower2", "down", "paused", "cut", "commit", "certified", "stripe", "chosen", ...Object.keys(this.run.groups)]) {
      this.colours[name] = style.getPropertyValue("--" + name).trim();
    }
    this.font = getComputedStyle(document.body).fontFamily;
  }

  measure(width, height) {
    const count = Math.max(1, this.view.nodes.length);
    this.step = Math.max(COLUMN_MIN, (width - AXIS - 10) / count);
    this.width = Math.max(width, AXIS + 10 + this.step * count);
    this.height = height;
    sized(this.canvas, this.width, height);
    this.column = new Map(this.view.nodes.map((node, at) => [node, AXIS + this.step * (at + 0.5)]));
  }

  y(time) { return (time - this.view.begin) / (this.view.end - this.view.begin) * this.height; }
  time(y) { return this.view.begin + y / this.height * (this.view.end - this.view.begin); }

  draw() {
    const pen = this.canvas.getContext("2d");
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.fillStyle = this.colours.card;
    pen.fillRect(0, 0, this.width, this.height);
    this.drawAxis(pen);
    this.drawProgress(pen);
    this.sideways = [];
    this.drawBands(pen);
    const shown = this.visible();
    this.taken = []; // where there is writing already: nothing is written over it
    this.drawMessages(pen, shown.messages);
    this.drawEvents(pen, shown.events);
    for (const told of this.sideways) this.alongside(pen, ...told); // over the messages: it says what the bars are
    if (this.view.chosen?.message) this.label(pen, this.view.chosen);
    if (shown.messages.length <= LABELS_MAX) for (const item of shown.messages) this.label(pen, item);
    if (this.view.chosen) this.drawChosen(pen, this.view.chosen);
    return shown;
  }

  visible() {
    const {begin, end, items} = this.view, messages = [], events = [];
    for (const item of items) {
      if (item.at > end) break;
      if (item.last < begin) continue;
      (item.message ? messages : events).push(item);
    }
    return {messages, events};
  }

  drawAxis(pen) {
    const span = this.view.end - this.view.begin;
    const rough = span / (this.height / 70), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(each => each * power).find(each => each >= rough);
    const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step))));
    pen.font = "12px " + this.font;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (let at = Math.ceil(this.view.begin / step) * step; at <= this.view.end; at += step) {
      const y = this.y(at);
      pen.fillStyle = this.colours.line;
      pen.fillRect(AXIS - 6, y, this.width, 1);
      pen.fillStyle = this.colours.soft;
      pen.fillText(at.toFixed(digits) + (digits < 4 ? " s" : ""), AXIS - 12, Math.max(8, Math.min(this.height - 8, y)));
    }
  }

  drawProgress(pen) {
    const most = Math.max(1, this.run.heights), room = Math.min(22, this.step / 5);
    for (const [node, x] of this.column) {
      const steps = this.run.progressOf[node];
      const from = Math.max(0, later(steps, this.view.begin) - 1);
      for (let at = from; at < steps.length && steps[at][0] < this.view.end; at++) {
        const top = Math.max(0, this.y(steps[at][0]));
        const low = at + 1 < steps.length ? Math.min(this.height, this.y(steps[at + 1][0])) : Math.min(this.height, this.y(this.run.end));
        pen.fillStyle = this.colours.commit;
        pen.fillRect(x + LIFE / 2 + 1, top, room * steps[at][2] / most, low - top);
        pen.fillStyle = this.colours.certified;
        pen.fillRect(x + LIFE / 2 + room * Math.min(steps[at][3], most) / most, top, 2, low - top);
      }
    }
  }

  drawBands(pen) {
    const {begin, end} = this.view, order = {role: 0, state: 1, cut: 2};
    pen.font = "11px " + this.font;
    for (const [node, x] of this.column) {
      pen.fillStyle = this.colours.line;
      pen.fillRect(x - 0.5, 0, 1, this.height);
      const bands = this.run.bandsOf[node].filter(band => band[3] < end && band[4] > begin);
      for (const [, kind, value, from, to] of bands.sort((a, b) => order[a[1]] - order[b[1]])) {
        const top = Math.max(-2, this.y(from)), low = Math.min(this.height + 2, this.y(to)), tall = Math.max(1, low - top);
        if (kind === "cut") {
          pen.fillStyle = this.colours.cut;
          pen.fillRect(x - LIFE / 2 - 5, top, 3, tall);
        } else if (kind === "role") {
          const [role, term] = [value.split(" ")[0], Number(value.split(" t")[1])];
          pen.fillStyle = role === "leader" ? this.colours.leader : role.includes("candidate") ? this.colours.candidate
            : term % 2 ? this.colours.follower : this.colours.follower2;
          pen.fillRect(x - LIFE / 2, top, LIFE, tall);
          if (tall > 30) this.sideways.push([value, x, top, low]);
        } else {
          pen.fillStyle = value === "down" ? this.colours.card : this.colours.paused;
          pen.fillRect(x - LIFE / 2, top, LIFE, tall);
          if (value === "down") this.hatch(pen, x - LIFE / 2, top, LIFE, tall);
          if (tall > 30) this.sideways.push([value, x, top, low]);
        }
      }
    }
  }

  alongside(pen, text, x, top, low) {
    if (Math.min(low, this.height) - Math.max(top, 0) < pen.measureText(text).width + 8) return;
    pen.save();
    pen.font = "11px " + this.font;
    pen.beginPath();
    pen.rect(x - 40, top, 80, low - top);
    pen.clip();
    pen.translate(x - LIFE / 2 - 13, Math.max(top, 0) + 6);
    pen.rotate(Math.PI / 2);
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.lineWidth = 3;
    pen.strokeStyle = this.colours.card;
    pen.strokeText(text, 0, 0);
    pen.fillStyle = this.colours.soft;
    pen.fillText(text, 0, 0);
    pen.restore();
  }

  hatch(pen, x, y, width, height) {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.strokeStyle = this.colours.down;
    pen.lineWidth = 1.2;
    pen.beginPath();
    for (let at = y - width; at < y + height; at += 5) { pen.moveTo(x, at + width); pen.lineTo(x + width, at); }
    pen.stroke();
    pen.strokeRect(x, y, width, height);
    pen.restore();
  }

  lines(item) { // where a message is drawn: [x0, y0, x1, y1, dashed, crossed] for each way that it took
    const from = this.column.get(item.node), to = this.column.get(item.to);
    if (from === undefined || to === undefined) return [];
    const side = to > from ? 1 : -1, left = from + side * LIFE / 2, right = to - side * LIFE / 2, y = this.y(item.at);
    const dashed = item.fate !== "sent", part = (share, down) => [left, y, left + (right - left) * share, y + down, false, true];
    if (item.fate === "lost") return [part(0.55, 8)];
    if (item.fate === "cut" || item.fate === "unlinked") return [part(0.2, 4)];
    if (!item.arrivals.length) return [[left, y, left + (right - left) * 0.8, this.y(this.run.end), true, false]];
    return item.arrivals.map(([at, taken]) => [left, y, right, this.y(at), dashed, !taken]);
  }

  drawMessages(pen, messages) {
    const batches = new Map(), crosses = [], heads = messages.length < 900;
    for (const item of messages) {
      for (const [x0, y0, x1, y1, dashed, crossed] of this.lines(item)) {
        const key = item.kind + (dashed ? "-" : "");
        if (!batches.has(key)) batches.set(key, {colour: this.colours[item.kind], dashed, path: new Path2D(), tips: new Path2D()});
        const {path, tips} = batches.get(key);
        path.moveTo(x0, y0);
        path.lineTo(x1, y1);
        if (crossed) crosses.push([x1, y1]);
        else if (heads) arrow(tips, x0, y0, x1, y1);
      }
    }
    pen.globalAlpha = messages.length > 3000 ? 0.3 : messages.length > MANY ? 0.6 : 1;
    pen.lineWidth = messages.length > MANY ? 0.8 : 1.3;
    for (const {colour, dashed, path, tips} of batches.values()) {
      pen.strokeStyle = pen.fillStyle = colour;
      pen.setLineDash(dashed ? [6, 4] : []);
      pen.stroke(path);
      pen.fill(tips);
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    if (messages.length < 3000) for (const [x, y] of crosses) cross(pen, x, y, this.colours.bad);
  }

  label(pen, item) {
    for (const [x0, y0, x1, y1] of this.lines(item).slice(0, 1)) {
      const right = x1 > x0, share = 0.08, x = x0 + (x1 - x0) * share, y = y0 + (y1 - y0) * share;
      pen.font = "11px " + this.font;
      pen.textAlign = right ? "left" : "right";
      pen.textBaseline = "bottom";
      this.written(pen, clipped(pen, item.text, Math.max(70, this.step - 30)), x, y - 1, this.colours[item.kind]);
    }
  }

  written(pen, text, x, y, colour, always = false) {
    const wide = pen.measureText(text).width, left = pen.textAlign === "right" ? x - wide : x;
    const top = pen.textBaseline === "bottom" ? y - 12 : y - 6, low = top + 12, right = left + wide;
    if (!always && this.taken.some(box => left < box[2] && right > box[0] && top < box[3] && low > box[1])) return;
    this.taken.push([left, top, right, low]);
    pen.lineJoin = "round";
    pen.lineWidth = 3.5;
    pen.strokeStyle = this.colours.card;
    pen.strokeText(text, x, y);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  }

  drawEvents(pen, events) {
    const few = events.length <= EVENT_LABELS_MAX;
    const lines = events.filter(item => item.kind === "violation").map(item => this.y(item.at));
    const crossed = y => lines.some(line => Math.abs(line - y) < 7); // the failure's line would strike it out
    const weight = {violation: 0, role: 1, fault: 1, life: 2, commit: 3};
    for (const item of events.slice().sort((a, b) => (weight[a.kind] ?? 4) - (weight[b.kind] ?? 4))) {
      const y = this.y(item.at), x = this.column.get(item.node);
      const strong = item.kind === "violation", fault = item.kind === "fault";
      if (strong) {
        pen.fillStyle = this.colours.bad;
        pen.globalAlpha = 0.9;
        pen.fillRect(AXIS - 6, y - 1, this.width, 2);
        pen.globalAlpha = 1;
      }
      if (x === undefined) {
        if (!strong && !few) continue;
        pen.font = "11px " + this.font;
        pen.textAlign = "left";
        pen.textBaseline = "bottom";
        this.written(pen, clipped(pen, item.text, this.width - AXIS - 20), AXIS, y - 2, strong ? this.colours.bad : this.colours.soft, strong);
        if (!strong) { pen.fillStyle = this.colours.line; pen.fillRect(AXIS - 6, y, this.width, 1); }
        continue;
      }
      if (item.kind === "link" && !few) continue;
      if (events.length > MANY && !strong && !fault && item.kind !== "commit" && item.kind !== "life") continue;
      pen.fillStyle = strong || fault ? this.colours.bad : item.kind === "role" ? this.colours.leader : item.kind === "commit" ? this.colours.certified : this.colours.ink;
      pen.beginPath();
      pen.arc(x, y, strong ? 7 : events.length > MANY ? 2 : fault || item.kind === "role" ? 4.5 : 3, 0, 7);
      pen.fill();
      pen.lineWidth = 1.5;
      pen.strokeStyle = this.colours.card;
      if (events.length <= MANY || strong) pen.stroke();
      if (few || strong || (item.kind === "role" && item.text.includes("leader") && events.length < 700)) {
        pen.font = (strong ? "bold " : "") + "11px " + this.font;
        const last = x + this.step * 1.2 > this.width && !(x < this.step);
        pen.textAlign = strong && last ? "right" : "left";
        pen.textBaseline = "middle";
        const colour = strong || fault ? this.colours.bad : this.colours.ink;
        this.written(pen, clipped(pen, item.text, strong ? this.width * 0.6 : item.kind === "role" || fault ? this.step * 1.6 : this.step - 24), x + (strong && last ? -12 : 11), y + (strong ? 12 : crossed(y) ? -8 : 0), colour, strong);
      }
    }
  }

  drawChosen(pen, item) {
    pen.strokeStyle = this.colours.chosen;
    pen.fillStyle = this.colours.chosen;
    pen.lineWidth = 3;
    if (item.message) {
      for (const [x0, y0, x1, y1, dashed, crossed] of this.lines(item)) {
        pen.setLineDash(dashed ? [7, 4] : []);
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.lineTo(x1, y1);
        pen.stroke();
        pen.setLineDash([]);
        const tip = new Path2D();
        arrow(tip, x0, y0, x1, y1, 9);
        if (!crossed) pen.fill(tip);
      }
    } else {
      const x = this.column.get(item.node) ?? AXIS;
      pen.beginPath();
      pen.arc(x, this.y(item.at), 10, 0, 7);
      pen.stroke();
    }
  }

  under(x, y) { // the nearest message or event within reach
    const {messages, events} = this.visible();
    let best = null, least = 9;
    for (const item of messages) {
      for (const [x0, y0, x1, y1] of this.lines(item)) {
        const away = distance(x, y, x0, y0, x1, y1);
        if (away < least) [best, least] = [item, away];
      }
    }
    for (const item of events) {
      const away = Math.hypot(x - (this.column.get(item.node) ?? AXIS), y - this.y(item.at)) - 3;
      if (away < least) [best, least] = [item, away];
    }
    return best;
  }
}

function sized(canvas, width, height) {
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
}

function arrow(path, x0, y0, x1, y1, size = 6) {
  const turn = Math.atan2(y1 - y0, x1 - x0);
  path.moveTo(x1, y1);
  path.lineTo(x1 - size * Math.cos(turn - 0.42), y1 - size * Math.sin(turn - 0.42));
  path.lineTo(x1 - size * Math.cos(turn + 0.42), y1 - size * Math.sin(turn + 0.42));
  path.closePath();
}

function cross(pen, x, y, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.8;
  pen.beginPath();
  pen.moveTo(x - 4, y - 4); pen.lineTo(x + 4, y + 4);
  pen.moveTo(x + 4, y - 4); pen.lineTo(x - 4, y + 4);
  pen.stroke();
}

function clipped(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let kept = text.slice(0, Math.max(4, Math.floor(text.length * room / pen.measureText(text).width) - 1));
  while (kept.length > 4 && pen.measureText(kept + "…").width > room) kept = kept.slice(0, -1);
  return kept + "…";
}

function distance(x, y, x0, y0, x1, y1) {
  const long = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const share = long ? Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / long)) : 0;
  return Math.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0));
}

function later(sorted, time) { // the first place whose time is later
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle][0] > time) high = middle; else low = middle + 1;
  }
  return low;
}
