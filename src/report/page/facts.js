"use strict";
// Everything that is text. What a drive says is set as text, never as markup.

/** An element with a class and children: nodes or text. */
function make(tag, name = "", ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
}

/** A sample of a colour. */
function key(color, box = false) {
  const node = make("i", box ? "key box" : "key");
  node.style[box ? "background" : "borderColor"] = color;
  return node;
}

function pairs(rows) {
  return make("dl", "pairs", ...rows.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));
}

function remarks(rows) {
  return make("ul", "remarks", ...rows.map(([tone, text]) => make("li", tone, text)));
}

/** What made the drive, what it holds, what became of it. */
function header(page) {
  return page.drives.map((drive, place) => {
    const title = make("h1", "", drive.name);
    if (page.drives.length > 1) title.prepend(make("i", place ? "dashed" : ""), place ? "B" : "A");
    return make("section", "drive", title, pairs(drive.made_by), pairs(drive.holds), remarks([...drive.result, ...drive.notes]));
  });
}

/** Where two drives part. */
function divergence(node, page, seek) {
  const found = page.divergence;
  if (page.drives.length < 2 || !found) return;
  node.hidden = false;
  node.classList.toggle("equal", found.equal);
  node.append(make("b", "", found.equal ? "No divergence" : "First divergence"), make("span", "", found.text));
  if (found.values.length) node.append(make("span", "", "A ", make("code", "", found.values[0]), "  B ", make("code", "", found.values[1])));
  if (found.time_s !== null) {
    const button = make("button", "", "go there");
    button.addEventListener("click", () => seek(found.time_s));
    node.append(button);
  }
  if (!page.same_time) node.append(make("span", "alarm", "The drives are of different times: both begin at 0 s."));
}

/** The numbers of one moment. */
class Now {
  constructor(node, drive, page) {
    Object.assign(this, { node, drive, page });
    this.fields = {};
    const names = ["decision", "why", "ego", "command", "limits", "nearest contact", "objects", "candidates"];
    const list = make("dl", "pairs");
    for (const name of names) {
      this.fields[name] = make("dd", name === "why" ? "reason" : "");
      list.append(make("dt", "", name), this.fields[name]);
    }
    node.append(list);
  }

  show(time, scene) {
    const { series } = this.drive;
    const row = rowAt(this.drive, time);
    const chart = (title, line) => {
      const found = series.charts.find((other) => other.title.startsWith(title));
      return row < 0 ? null : found.lines[line][1][row];
    };
    const text = (value, digits, unit) => (value === null ? "–" : `${value.toFixed(digits)} ${unit}`);
    const { fields, page } = this;
    const decision = row < 0 ? null : series.decisions[row];
    const badge = make("span", "badge", decision === null ? "no plan" : page.decisions[decision]);
    badge.style.background = decision === null ? COLORS.muted : COLORS.decisions[decision];
    const about = row >= 0 && series.decision_tracks[row] !== null ? ` track ${series.decision_tracks[row]}` : "";
    fields.decision.replaceChildren(badge, about);
    fields.why.textContent = (row >= 0 && series.reasons[row]) || "–";
    const speed = chart("speed", 0);
    fields.ego.textContent = row < 0 ? "no frame here" : `${text(speed, 2, "m/s")} (${text(speed && 3.6 * speed, 0, "km/h")}), ${text(chart("acceleration", 0), 2, "m/s²")}`;
    fields.command.textContent = `${text(chart("steering", 0), 1, "°")}, ${text(chart("acceleration", 1), 2, "m/s²")}`;
    const limits = row < 0 ? [] : page.limits.filter((_, bit) => series.limits[row] & (1 << bit));
    const stop = row >= 0 && series.stops[row];
    fields.limits.textContent = [stop ? `control stops: ${stop}` : "", ...limits].filter(Boolean).join(", ") || "none applied";
    fields.limits.className = stop ? "alarm" : "";
    const contact = chart("time to collision", 0);
    fields["nearest contact"].textContent = contact === null ? "none within 6 s" : `in ${contact.toFixed(2)} s, track ${series.collision_tracks[row]}`;
    const count = (line) => chart("objects", line) ?? "–";
    fields.objects.textContent = `${count(0)} tracks, ${count(1)} lidar and ${count(2)} camera detections`;
    const verdicts = (scene && scene.plan && scene.plan.verdicts) || [];
    const told = verdicts.map((number, place) => (number ? `${number} ${page.verdicts[place]}` : "")).filter(Boolean);
    fields.candidates.textContent = told.join(", ") || "–";
  }
}

/** Lists beside the plots: decisions, log, and where the time of this frame went. */
class Lists {
  constructor(place, page, seek) {
    Object.assign(this, { page, rows: [], waterfalls: [] });
    page.drives.forEach((drive, index) => {
      const which = page.drives.length > 1 ? (index ? " B" : " A") : "";
      const decided = this.decided(drive).map(([time, color, name, text]) => this.row(time, color, name, text, seek));
      this.list(place, `decisions${which}`, decided, "no plans");
      const tones = { good: COLORS.decisions[0], plain: COLORS.muted, warning: COLORS.classes[1], alarm: COLORS.alarm };
      const log = drive.log.map((line) => this.row(line.time_s, tones[line.tone], line.name, line.text, seek));
      this.list(place, `log${which}`, log, "no lines");
      if (drive.series.latency.parts.length) {
        const node = make("div", "waterfall");
        place.append(make("section", "list", make("h2", "", `latency of this frame${which}`), node));
        this.waterfalls.push({ node, drive });
      }
    });
  }

  list(place, title, rows, none) {
    this.rows.push(rows);
    place.append(make("section", "list", make("h2", "", `${title}  ${rows.length || ""}`), rows.length ? make("div", "rows", ...rows) : make("p", "", none)));
  }

  row(time, color, name, text, seek) {
    const label = make("span", "", name);
    label.style.color = color;
    const node = make("button", "row", make("span", "at", `${time.toFixed(1)} s`), label, make("span", "", text));
    node.type = "button";
    node.dataset.time = time;
    node.addEventListener("click", () => seek(time));
    return node;
  }

  /** Decisions as they change: kind or track. */
  decided({ series }) {
    const rows = [];
    let last = "";
    for (let row = 0; row < series.times.length; row++) {
      const [kind, track] = [series.decisions[row], series.decision_tracks[row]];
      const now = `${kind} ${track}`;
      if (now === last || kind === null) continue;
      last = now;
      rows.push([series.times[row], COLORS.decisions[kind], this.page.decisions[kind], series.reasons[row]]);
    }
    return rows;
  }

  show(time) {
    for (const rows of this.rows) {
      const current = lastUpTo(rows.map((row) => Number(row.dataset.time)), time + 1e-6);
      rows.forEach((row, place) => row.classList.toggle("current", place === current));
      if (current >= 0) this.reveal(rows[current]);
    }
    for (const { node, drive } of this.waterfalls) this.waterfall(node, drive, rowAt(drive, time));
  }

  /** Scrolls the list, not the page. */
  reveal(row) {
    const list = row.parentNode;
    const [above, below] = [row.offsetTop - list.scrollTop, row.offsetTop + row.offsetHeight - list.scrollTop - list.clientHeight];
    if (above < 0) list.scrollTop += above;
    else if (below > 0) list.scrollTop += below;
  }

  waterfall(node, { series: { latency } }, row) {
    const known = row < 0 ? [] : latency.parts.map((name, part) => [name, part, latency.begins[part][row], latency.lengths[part][row]]).filter(([, , begin]) => begin !== null);
    known.sort((a, b) => a[2] - b[2] || a[1] - b[1]);
    const end = Math.max(...known.map(([, , begin, length]) => begin + length), 1e-6);
    node.replaceChildren(
      ...known.flatMap(([name, part, begin, length]) => {
        const bar = make("i");
        bar.style.background = PARTS[part % PARTS.length];
        bar.style.left = (100 * begin) / end + "%";
        bar.style.width = (100 * length) / end + "%";
        return [make("span", "", name), make("div", "bar", bar), make("span", "ms", `${length.toFixed(2)} ms`)];
      }),
      ...(known.length ? [make("b", "", "end to end"), make("span"), make("b", "ms", `${end.toFixed(2)} ms`)] : []),
    );
  }
}
