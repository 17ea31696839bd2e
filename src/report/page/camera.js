"use strict";
// The camera's picture with the boxes that were found in it.

/** A picture this much later than the moment still belongs to it, s: stamps of one frame differ a little. */
const TOGETHER_S = 0.05;
/** Decoded pictures that are kept. */
const KEPT = 40;

class Camera {
  constructor(canvas, caption, drive, page, layers) {
    Object.assign(this, { canvas, caption, drive, page, layers, decoded: new Map(), wanted: -1 });
  }

  /** Shows the picture of a moment; `scene` has the boxes. */
  async draw(time, scene) {
    const place = lastUpTo(this.drive.pictureTimes, time + TOGETHER_S);
    this.wanted = place;
    if (place < 0) {
      this.caption.textContent = this.drive.pictures.length ? "no picture yet" : "no camera";
      this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
      return;
    }
    const picture = await this.bitmap(this.drive.pictures[place][1]);
    if (this.wanted !== place) return;
    const [columns, rows] = this.drive.image || [picture.width, picture.height];
    if (this.canvas.width !== 2 * picture.width) [this.canvas.width, this.canvas.height] = [2 * picture.width, 2 * picture.height];
    const pen = this.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    const age = time - this.drive.pictureTimes[place];
    if (scene && age < 0.5 && this.layers.has("detections")) this.boxes(pen, scene.boxes, this.canvas.width / columns, this.canvas.height / rows);
    const late = age > 0.3 ? `, ${age.toFixed(1)} s old` : "";
    this.caption.textContent = `camera at ${this.drive.pictureTimes[place].toFixed(2)} s${late}`;
  }

  boxes(pen, boxes, across, down) {
    pen.font = "19px system-ui, sans-serif";
    for (const [kind, left, top, right, bottom, score] of boxes) {
      const color = COLORS.classes[kind];
      pen.strokeStyle = color;
      pen.lineWidth = 2.5;
      pen.strokeRect(left * across, top * down, (right - left) * across, (bottom - top) * down);
      const text = `${this.page.classes[kind]} ${(score / 100).toFixed(2)}`;
      const width = pen.measureText(text).width + 8;
      const [x, y] = [Math.min(left * across, this.canvas.width - width), Math.max(top * down - 23, 0)];
      pen.fillStyle = color;
      pen.fillRect(x, y, width, 23);
      pen.fillStyle = "#06090d";
      pen.fillText(text, x + 4, y + 18);
    }
  }

  async bitmap(place) {
    let bitmap = this.decoded.get(place);
    if (!bitmap) {
      bitmap = createImageBitmap(new Blob([this.page.pictures[place]], { type: "image/jpeg" }));
      this.decoded.set(place, bitmap);
      const [oldest] = this.decoded.keys();
      if (this.decoded.size > KEPT) this.decoded.delete(oldest);
    }
    return bitmap;
  }
}
