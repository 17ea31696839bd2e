"use strict";
// The bird's-eye view: forward is up, left is left, the ego's rear axle stays where it is.

const COLORS = {
  panel: "#0d1219", grid: "#1d2733", text: "#e3e9f0", muted: "#8a99ab", alarm: "#ff5a5f", plan: "#1fe5ff", route: "#b9c4d0", detection: "#a9b4c0", truth: "#7cffcb",
  classes: ["#c3cbd4", "#ffb03a", "#ff7b3d", "#e9d84a", "#c88bff", "#5be37d", "#ff6fb5", "#c5ef6b", "#ff5a5f"],
  decisions: ["#5be37d", "#4dd8ff", "#ffb03a", "#c88bff", "#ff5a5f"],
  phases: ["#ff3b3b", "#ffb03a", "#4df06a"],
  heights: ["#3c4a5c", "#435874", "#4874a6", "#5d98d0", "#86bdea", "#aed8f6"],
};

/** What can be shown or hidden. */
const LAYERS = ["lidar points", "route", "truth", "detections", "predictions", "tracks", "plan"];

/** Share of the height above the rear axle. */
const AHEAD = 0.75;

class BirdsEye {
  constructor(canvas, drive, page, layers) {
    Object.assign(this, { canvas, drive, page, layers, metres: 80 });
  }

  /** Draws a scene, or an empty ground. */
  draw(scene) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    Object.assign(this, { pen, width, height, ratio, scale: height / this.metres });
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = COLORS.panel;
    pen.fillRect(0, 0, width, height);
    this.grid();
    if (!scene) return;
    this.ego = scene.ego && scene.ego.map((value, place) => value / (place < 2 ? 100 : 1e4));
    const on = (layer) => this.layers.has(layer);
    if (on("lidar points") && scene.sweep !== null) this.points(unpackSweep(this.page.sweeps[scene.sweep]));
    if (on("detections") && scene.detections) this.detections(scene.detections);
    const labels = [];
    if (this.ego) {
      if (on("route")) this.route(scene);
      if (on("truth") && scene.truth) for (const [, ...box] of scene.truth) this.box(box, COLORS.truth, 1, [3, 3]);
      if (on("predictions")) this.predictions(scene);
      if (on("plan") && scene.plan) this.plan(scene.plan, labels);
      if (on("tracks") && scene.tracks) this.tracks(scene, labels);
    }
    this.vehicle();
    this.write(labels);
  }

  /** The pixel of a place in base_link, m. */
  base(x, y) {
    return [0.5 * this.width - y * this.scale, AHEAD * this.height - x * this.scale];
  }

  /** The pixel of a place in odom, m. */
  odom(x, y) {
    const [ex, ey, yaw] = this.ego;
    const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
    return this.base(cos * (x - ex) + sin * (y - ey), cos * (y - ey) - sin * (x - ex));
  }

  line(pixels, color, width, dash = [], close = false) {
    const { pen } = this;
    pen.beginPath();
    pixels.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    if (close) pen.closePath();
    pen.setLineDash(dash);
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.stroke();
  }

  /** The corners of a box: x, y, yaw, length, width in cm and 0.1 mrad. */
  corners([x, y, yaw, length, width], place) {
    const [cos, sin] = [Math.cos(yaw / 1e4), Math.sin(yaw / 1e4)];
    return [[1, 1], [-1, 1], [-1, -1], [1, -1]].map(([ahead, left]) => {
      const [along, across] = [(0.5 * ahead * length) / 100, (0.5 * left * width) / 100];
      return place(x / 100 + cos * along - sin * across, y / 100 + sin * along + cos * across);
    });
  }

  box(box, color, width, dash = []) {
    this.line(this.corners(box, (x, y) => this.odom(x, y)), color, width, dash, true);
  }

  grid() {
    const step = this.metres > 120 ? 20 : 10;
    const { pen } = this;
    pen.font = "11px system-ui, sans-serif";
    for (let x = -200; x <= 200; x += step) {
      const row = Math.round(this.base(x, 0)[1]) + 0.5;
      this.line([[0, row], [this.width, row]], COLORS.grid, 1);
      pen.fillStyle = COLORS.muted;
      pen.fillText(x === 0 ? "0 m" : (x > 0 ? "+" : "−") + Math.abs(x), 5, row - 3);
      const column = Math.round(this.base(0, x)[0]) + 0.5;
      this.line([[column, 0], [column, this.height]], COLORS.grid, 1);
    }
  }

  points({ x, y, height }) {
    const { point_step_m: step, height_step_m: heightStep, lowest_m: lowest } = this.page;
    const size = Math.max(1.2, 0.22 * this.scale);
    for (let i = 0; i < x.length; i++) {
      const above = height[i] * heightStep + lowest;
      const shade = Math.round(((above + 0.2) / 3.2) * (COLORS.heights.length - 1));
      this.pen.fillStyle = COLORS.heights[Math.min(Math.max(shade, 0), COLORS.heights.length - 1)];
      const [left, top] = this.base(x[i] * step, y[i] * step);
      this.pen.fillRect(left - 0.5 * size, top - 0.5 * size, size, size);
    }
  }

  route({ signals }) {
    const [middle, left, right] = this.drive.route.map((line) => line.map(([x, y]) => this.odom(x / 100, y / 100)));
    for (const edge of [left, right]) this.line(edge, COLORS.route + "59", 1);
    this.line(middle, COLORS.route + "b3", 1.5, [2, 7]);
    for (const stop of this.drive.stops) {
      const [ax, ay, bx, by] = stop.ends.map((value) => value / 100);
      const shown = signals.find(([id]) => id === stop.signal);
      const color = shown ? COLORS.phases[shown[1]] : stop.kind === "goal" ? COLORS.plan : COLORS.route + "99";
      this.line([this.odom(ax, ay), this.odom(bx, by)], color, shown ? 4 : 2.5);
    }
  }

  detections(all) {
    for (const [, ...box] of all) this.line(this.corners(box, (x, y) => this.base(x, y)), COLORS.detection, 1, [4, 3], true);
  }

  predictions({ predictions, tracks }) {
    const classes = new Map((tracks || []).map(([id, kind]) => [id, kind]));
    for (const [id, ...differences] of predictions) {
      const places = sums(differences, 2);
      const pixels = [];
      for (let i = 0; i + 1 < places.length; i += 2) pixels.push(this.odom(places[i] / 100, places[i + 1] / 100));
      const color = classes.has(id) ? COLORS.classes[classes.get(id)] : COLORS.detection;
      this.line(pixels, color + "80", 1);
      this.pen.fillStyle = color + "80";
      for (let i = 2; i < pixels.length; i += 2) this.pen.fillRect(pixels[i][0] - 1.5, pixels[i][1] - 1.5, 3, 3);
    }
  }

  tracks(scene, labels) {
    for (const [id, kind, x, y, yaw, length, width, vx, vy, misses] of scene.tracks) {
      const color = COLORS.classes[kind];
      const box = [x, y, yaw, length, width];
      const corners = this.corners(box, (a, b) => this.odom(a, b));
      this.pen.beginPath();
      corners.forEach(([a, b], place) => (place ? this.pen.lineTo(a, b) : this.pen.moveTo(a, b)));
      this.pen.closePath();
      this.pen.fillStyle = color + (misses ? "14" : "2e");
      this.pen.fill();
      this.line(corners, misses ? color + "90" : color, 1.8, misses ? [3, 3] : [], true);
      const center = this.odom(x / 100, y / 100);
      if (Math.hypot(vx, vy) > 30) this.line([center, this.odom((x + vx) / 100, (y + vy) / 100)], COLORS.text, 1.5);
      const right = Math.max(...corners.map(([a]) => a));
      labels.push({ at: [right + 4, center[1] + 4], text: `${id} ${this.page.classes[kind]} ${(Math.hypot(vx, vy) / 100).toFixed(1)}`, color });
    }
  }

  plan({ points, tail_start: tail }, labels) {
    const all = sums(points, 3);
    const pixels = [];
    for (let i = 0; i + 2 < all.length; i += 3) pixels.push(this.odom(all[i] / 100, all[i + 1] / 100));
    const width = (this.drive.vehicle[1] / 100) * this.scale;
    this.line(pixels.slice(tail), COLORS.alarm + "1a", width);
    this.line(pixels.slice(0, tail + 1), COLORS.plan + "22", width);
    this.line(pixels.slice(tail), COLORS.alarm, 2.5, [7, 4]);
    this.line(pixels.slice(0, tail + 1), COLORS.plan, 3.5);
    // The speed at every second.
    for (let i = 4; i < Math.min(pixels.length, tail + 1); i += 4) {
      const [x, y] = pixels[i];
      labels.push({ at: [x - 36, y + 4], text: (all[3 * i + 2] / 100).toFixed(1), color: COLORS.plan });
    }
  }

  vehicle() {
    const [length, width, overhang] = this.drive.vehicle.map((value) => value / 100);
    const [left, top] = this.base(length - overhang, 0.5 * width);
    const [right, bottom] = this.base(-overhang, -0.5 * width);
    this.pen.fillStyle = "#f4f7fa";
    this.pen.beginPath();
    this.pen.roundRect(left, top, right - left, bottom - top, 0.3 * this.scale);
    this.pen.fill();
    this.pen.fillStyle = COLORS.panel;
    this.pen.fillRect(left + 0.15 * (right - left), top + 0.22 * (bottom - top), 0.7 * (right - left), 0.16 * (bottom - top));
  }

  /** Names that do not cover each other. */
  write(labels) {
    const taken = [];
    const { pen } = this;
    pen.font = "11.5px system-ui, sans-serif";
    for (const { at: [x, y], text, color } of labels) {
      const area = [x - 2, y - 11, x + pen.measureText(text).width + 2, y + 4];
      const outside = area[2] < 0 || area[0] > this.width || area[3] < 0 || area[1] > this.height;
      if (outside || taken.some((other) => area[0] < other[2] && other[0] < area[2] && area[1] < other[3] && other[1] < area[3])) continue;
      taken.push(area);
      pen.fillStyle = "#0d1219b0";
      pen.fillRect(area[0], area[1], area[2] - area[0], area[3] - area[1]);
      pen.fillStyle = color;
      pen.fillText(text, x, y);
    }
  }
}
