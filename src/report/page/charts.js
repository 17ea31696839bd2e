"use strict";
// Plots over time, all on one axis: the numbers, the strip of decisions, the latency of every frame.

const LINES = ["#1fe5ff", "#ffb03a", "#5be37d", "#ff6fb5", "#c88bff"];
const PARTS = [
  "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac", "#86bcb6", "#d37295", "#a0cbe8", "#ffbe7d",
  "#8cd17d", "#b6992d", "#499894", "#fabfd2", "#d4a6c8", "#d7b5a6",
];
const FONT = "11px system-ui, sans-serif";
/** A frame is shown as lasting at most so long, s. */
const LONGEST_FRAME_S = 0.5;

/** All plots; `seek` takes a time. */
class Charts {
  constructor(place, page, seek) {
    Object.assign(this, { place, page, seek, plots: [], time: 0 });
    this.decisions();
    const [first] = page.drives;
    for (const index of first.series.charts.keys()) this.numbers(index);
    for (const drive of page.drives) this.latency(drive);
    new ResizeObserver(() => this.plots.forEach(({ plot }) => plot.setSize({ width: this.widthOf(plot.root.parentNode), height: plot.height }))).observe(place);
  }

  widthOf(node) {
    return Math.max(node.clientWidth - 16, 200);
  }

  node(wide) {
    const node = make("div", wide ? "plot wide" : "plot");
    this.place.append(node);
    return node;
  }

  /** Marks a moment in every plot. */
  show(time) {
    this.time = time;
    for (const entry of this.plots) {
      this.move(entry);
      entry.read(time);
    }
  }

  move({ plot, moment, mark }) {
    const put = (line, time) => {
      const left = plot.valToPos(time, "x");
      line.hidden = !(left >= 0 && left <= plot.over.clientWidth);
      line.style.left = left + "px";
    };
    put(moment, this.time);
    if (mark) put(mark, this.page.divergence.time_s);
  }

  /** A plot of its own; `read` writes the values of a moment above it. */
  plot(node, options, data, read) {
    const axis = { stroke: COLORS.muted, font: FONT, grid: { stroke: COLORS.grid, width: 1 }, ticks: { stroke: COLORS.grid, width: 1, size: 4 } };
    const entry = { read };
    const hover = (plot) => entry.plot && read(plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : this.time);
    const { axes = [{}, {}], ...rest } = options;
    const all = {
      width: this.widthOf(node),
      height: 132,
      legend: { show: false },
      cursor: { sync: { key: "time", setSeries: false }, drag: { x: true, y: false }, y: false, points: { show: false } },
      ...rest,
      scales: { x: { time: false }, ...options.scales },
      axes: [
        { ...axis, size: 26, values: (_, ticks) => ticks.map((tick) => tick + " s"), ...axes[0] },
        { ...axis, size: 54, ...axes[1] },
      ],
      hooks: { setCursor: [hover], drawAxes: options.under ? [options.under] : [], draw: [() => entry.moment && this.move(entry)] },
    };
    const plot = new uPlot(all, data, node);
    entry.plot = plot;
    entry.moment = make("div", "moment");
    plot.over.append(entry.moment);
    if (this.page.divergence && this.page.divergence.time_s !== null) plot.over.append((entry.mark = make("div", "moment divergence-mark")));
    let pressed = 0;
    plot.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
    plot.over.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - pressed) < 4) this.seek(plot.posToVal(event.offsetX, "x"));
    });
    this.plots.push(entry);
    this.move(entry);
    read(this.time);
  }

  /** One chart of both drives. */
  numbers(index) {
    const { drives } = this.page;
    const { title, unit, lines } = drives[0].series.charts[index];
    const columns = drives.map((drive) => drive.series.charts[index].lines);
    if (!columns.flat().some(([, values]) => values.some((value) => value !== null))) return;
    const node = this.node(false);
    const head = make("div", "title", make("b", "", title + (unit && `  ${unit}`)));
    node.append(head);
    const outputs = lines.map(([name], place) => {
      const output = make("em");
      head.append(make("span", "", key(LINES[place]), name + " ", output));
      return output;
    });
    const read = (time) => {
      lines.forEach((_, line) => {
        const values = drives.map((drive, place) => {
          const row = rowAt(drive, time);
          const value = row < 0 ? null : columns[place][line][1][row];
          return value === null ? "–" : String(Number(value.toFixed(2)));
        });
        outputs[line].textContent = values.join(" | ");
      });
    };
    const data = uPlot.join(drives.map((drive, place) => [drive.series.times, ...columns[place].map(([, values]) => values)]));
    const whole = ["objects", "dropped at the door", "objects that are there, within 50 m"].includes(title);
    const series = drives.flatMap((_, drive) =>
      lines.map((_, line) => ({
        stroke: LINES[line],
        width: 1.5,
        alpha: drive ? 0.8 : 1,
        dash: drive ? [5, 4] : undefined,
        paths: whole ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { show: true, size: 3, filter: alone },
      })),
    );
    const range = (_, low, high) => (low === null ? [0, 1] : low === high ? [Math.min(low, 0) - 0.1, Math.max(high, 0) + 1] : uPlot.rangeNum(low, high, 0.08, true));
    this.plot(node, { series: [{}, ...series], scales: { y: { range } } }, data, read);
  }

  /** What was decided and why, and when control did something else than the plan. */
  decisions() {
    const { drives, decisions, limits } = this.page;
    const node = this.node(true);
    const names = decisions.map((name, place) => make("span", "", key(COLORS.decisions[place], true), name));
    const others = [["control stops", COLORS.alarm], ["a limit of the command gate", COLORS.classes[3]], ["overlap with a track", "#ffffff"]];
    const head = make("div", "title", make("b", "", "decisions"), ...names, ...others.map(([name, color]) => make("span", "", key(color, true), name)));
    const reasons = drives.map(() => make("span", "long"));
    head.append(...reasons);
    node.append(head);
    const read = (time) => {
      drives.forEach((drive, place) => {
        const row = rowAt(drive, time);
        const { series } = drive;
        const decision = row < 0 ? null : series.decisions[row];
        const which = drives.length > 1 ? (place ? "B  " : "A  ") : "";
        const parts = [decision === null ? "no plan" : decisions[decision] + ": " + series.reasons[row]];
        if (row >= 0 && series.stops[row]) parts.push("control stops: " + series.stops[row]);
        if (row >= 0 && series.limits[row]) parts.push("limited: " + limits.filter((_, bit) => series.limits[row] & (1 << bit)).join(", "));
        reasons[place].textContent = which + parts.join("  ·  ");
      });
    };
    const lanes = 2 * drives.length;
    const under = (plot) => {
      const pen = plot.ctx;
      pen.save();
      pen.beginPath();
      pen.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
      pen.clip();
      const fill = (drive, row, lane, color, until = 1, from = 0) => {
        const { times } = drive.series;
        const end = Math.min(row + 1 < times.length ? times[row + 1] : times[row] + 0.1, times[row] + LONGEST_FRAME_S);
        const [left, right] = [times[row], end].map((time) => plot.valToPos(time, "x", true));
        const [top, bottom] = [lanes - lane - from, lanes - lane - until].map((value) => plot.valToPos(value - 0.06 + (value === lanes - lane - 1 ? 0.12 : 0), "y", true));
        pen.fillStyle = color;
        pen.fillRect(left, top, Math.max(right - left + 0.5, 1), bottom - top);
      };
      drives.forEach((drive, place) => {
        const { series } = drive;
        for (let row = 0; row < series.times.length; row++) {
          if (series.decisions[row] !== null) fill(drive, row, 2 * place, COLORS.decisions[series.decisions[row]]);
          if (series.stops[row]) fill(drive, row, 2 * place + 1, COLORS.alarm);
          else if (series.limits[row]) fill(drive, row, 2 * place + 1, COLORS.classes[3]);
          if (series.contact_tracks[row] !== null) fill(drive, row, 2 * place + 1, "#ffffff", 1, 0.6);
        }
      });
      pen.restore();
    };
    const which = drives.length > 1 ? ["A ", "B "] : [""];
    const names_of_lanes = which.flatMap((letter) => [letter + "plan", letter + "control"]);
    const times = uPlot.join(drives.map((drive) => [drive.series.times]))[0];
    const options = {
      height: 26 + 26 * lanes,
      series: [{}, { show: false }],
      scales: { y: { range: [0, lanes] } },
      axes: [{}, { splits: () => names_of_lanes.map((_, lane) => lanes - lane - 0.5), values: () => names_of_lanes, grid: { show: false }, ticks: { show: false } }],
      under,
    };
    this.plot(node, options, [times, times.map(() => null)], read);
  }

  /** Where the time of each frame went: parts upon each other. */
  latency(drive) {
    const { parts, lengths } = drive.series.latency;
    if (!parts.length) return;
    const { drives } = this.page;
    const node = this.node(true);
    const total = make("em");
    const which = drives.length > 1 ? (drive === drives[0] ? ", A" : ", B") : "";
    node.append(make("div", "title", make("b", "", `latency of each frame${which}  ms`), make("span", "", "end to end ", total)));
    const stack = [];
    lengths.forEach((column, part) => stack.push(column.map((value, row) => (value || 0) + (part ? stack[part - 1][row] : 0))));
    const last = stack[stack.length - 1];
    const read = (time) => {
      const row = rowAt(drive, time);
      total.textContent = row < 0 ? "–" : last[row].toFixed(2);
    };
    const paths = uPlot.paths.stepped({ align: 1 });
    // The highest first, so that the lower ones are painted over it.
    const series = parts.map((_, part) => ({ stroke: PARTS[part % PARTS.length], fill: PARTS[part % PARTS.length], width: 0, paths, points: { show: false } })).reverse();
    const range = (_, __, high) => [0, 1.05 * (high || 1)];
    this.plot(node, { height: 170, series: [{}, ...series], scales: { y: { range } } }, [drive.series.times, ...stack.reverse()], read);
    stack.reverse();
  }
}

/** The row of numbers in force at a moment; -1 before the first and in a gap. */
function rowAt(drive, time) {
  const row = lastUpTo(drive.series.times, time + 1e-6);
  return row >= 0 && time - drive.series.times[row] < LONGEST_FRAME_S ? row : -1;
}

/** Points with a gap on both sides: no line shows them. */
function alone(plot, series) {
  const values = plot.data[series];
  const found = [];
  const known = (step, from) => {
    for (let i = from + step; i >= 0 && i < values.length; i += step) if (values[i] !== undefined) return values[i] !== null;
    return false;
  };
  for (let i = 0; i < values.length; i++) if (values[i] !== null && values[i] !== undefined && !known(-1, i) && !known(1, i)) found.push(i);
  return found;
}
