"use strict";
// One moment for all views, and the ways to change it.

/** Two frames of two drives this near are one moment, s. */
const SAME_S = 0.002;

class Player {
  constructor(page) {
    this.page = page;
    this.layers = new Set(LAYERS.filter((layer) => page.drives.some((drive) => layer !== "truth" || drive.scenes.some((scene) => scene.truth))));
    const all = page.drives.flatMap((drive) => [...drive.series.times, ...drive.sceneTimes]).sort((a, b) => a - b);
    this.times = all.filter((time, place) => !place || time - all[place - 1] > SAME_S);
    this.place = 0;
    this.playing = false;
    const seek = (time) => this.seek(time);
    const find = (id) => document.getElementById(id);
    find("header").append(...header(page));
    divergence(find("divergence"), page, seek);
    this.views = page.drives.map((drive, index) => this.view(find("views"), drive, index));
    find("views").classList.toggle("two", page.drives.length > 1);
    this.charts = new Charts(find("plots"), page, seek);
    this.lists = new Lists(find("lists"), page, seek);
    this.transport(find);
    find("footer").hidden = false;
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(find("views"));
    this.go(0);
  }

  view(place, drive, index) {
    const [ground, picture] = [make("canvas", "ground"), make("canvas", "camera")];
    const [note, caption] = [make("div", "caption above"), make("div", "caption")];
    ground.style.aspectRatio = this.page.drives.length > 1 ? "10 / 9" : "10 / 8";
    const [columns, rows] = drive.image || [16, 9];
    picture.width = columns;
    picture.height = rows;
    const now = make("div", "now");
    const side = make("div", "side");
    if (drive.pictures.length) side.append(make("div", "frame", picture, caption));
    else side.append(make("p", "now empty", "no camera in this drive"));
    side.append(now);
    place.append(make("section", "view", make("div", "frame", ground, note), side));
    if (this.page.drives.length > 1) note.dataset.which = index ? "B" : "A";
    return {
      drive,
      note,
      ground: new BirdsEye(ground, drive, this.page, this.layers),
      camera: new Camera(picture, caption, drive, this.page, this.layers),
      now: new Now(now, drive, this.page),
    };
  }

  transport(find) {
    find("transport").hidden = false;
    this.slider = find("slider");
    this.clock = find("clock");
    this.button = find("play");
    this.pace = find("pace");
    this.slider.max = this.times.length - 1;
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.button.addEventListener("click", () => this.play(!this.playing));
    for (const layer of LAYERS) {
      const box = make("input");
      box.type = "checkbox";
      box.checked = this.layers.has(layer);
      box.addEventListener("change", () => {
        if (box.checked) this.layers.add(layer);
        else this.layers.delete(layer);
        this.draw();
      });
      find("layers").append(make("label", "", box, " " + layer));
    }
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
    // What can be opened or ticked keeps its own key.
    if (event.key === " " && (event.target.type === "checkbox" || event.target.tagName === "SUMMARY")) return;
    const second = event.shiftKey ? 1 : 0;
    const actions = {
      ArrowRight: () => (second ? this.seek(this.time() + 1) : this.go(this.place + 1)),
      ArrowLeft: () => (second ? this.seek(this.time() - 1) : this.go(this.place - 1)),
      Home: () => this.go(0),
      End: () => this.go(this.times.length - 1),
      " ": () => this.play(!this.playing),
      "+": () => this.zoom(0.8),
      "-": () => this.zoom(1.25),
      d: () => this.page.divergence && this.page.divergence.time_s !== null && this.seek(this.page.divergence.time_s),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    if (event.key.startsWith("Arrow")) this.play(false);
    action();
  }

  zoom(factor) {
    for (const { ground } of this.views) ground.metres = Math.min(Math.max(ground.metres * factor, 20), 200);
    this.draw();
  }

  time() {
    return this.times[this.place];
  }

  /** Goes to the last frame up to a time. */
  seek(time) {
    this.go(Math.max(lastUpTo(this.times, time + SAME_S), 0));
  }

  go(place) {
    this.place = Math.min(Math.max(place, 0), this.times.length - 1);
    this.draw();
  }

  draw() {
    const time = this.time();
    const frames = this.views.map((view) => {
      const { drive } = view;
      const place = lastUpTo(drive.sceneTimes, time + SAME_S);
      const scene = place < 0 ? null : drive.scenes[place];
      const age = scene ? time - scene.time_s : Infinity;
      const missing = scene && age <= LONGEST_FRAME_S ? (scene.ego ? "" : "no ego state: tracks, plan and route cannot be placed") : scene ? `no frame for ${age.toFixed(1)} s` : "no frame yet";
      view.note.textContent = [view.note.dataset.which, missing].filter(Boolean).join("  ");
      view.ground.draw(scene);
      view.camera.draw(time, scene).catch(trouble);
      view.now.show(time, scene);
      const row = rowAt(drive, time);
      return row < 0 ? "–" : drive.series.frames[row];
    });
    this.slider.value = this.place;
    this.clock.textContent = `${time.toFixed(2)} s   frame ${frames.join(" | ")}`;
    this.charts.show(time);
    this.lists.show(time);
  }

  play(on) {
    this.playing = on && this.times.length > 1;
    this.button.textContent = this.playing ? "stop" : "play";
    if (!this.playing) return;
    if (this.place === this.times.length - 1) this.go(0);
    let [last, now] = [performance.now(), this.time()];
    const step = (clock) => {
      if (!this.playing) return;
      now += ((clock - last) / 1000) * Number(this.pace.value);
      last = clock;
      const next = lastUpTo(this.times, now);
      // Somebody has gone elsewhere meanwhile.
      if (next < this.place || next > this.place + 50) now = this.time();
      else if (next !== this.place) this.go(next);
      if (this.place === this.times.length - 1) this.play(false);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}

function trouble(error) {
  const node = document.getElementById("trouble");
  node.hidden = false;
  node.textContent = `This page cannot be shown: ${error}`;
  document.documentElement.dataset.state = "broken";
  console.error(error);
}

readPage()
  .then((page) => {
    document.title = page.drives.map((drive) => drive.name).join(" | ");
    window.player = new Player(page);
    document.documentElement.dataset.state = "ready";
  })
  .catch(trouble);
