"use strict";
// The data of the page: blocks of base64, most of them compressed.

/** The bytes of a block, which is then removed from the page. */
async function bytesOf(element) {
  const text = atob(element.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  element.remove();
  if (element.dataset.packing === "none") return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function blocksOf(kind) {
  const elements = [...document.querySelectorAll("script[data-kind]")].filter((element) => element.dataset.kind === kind);
  return Promise.all(elements.map(bytesOf));
}

async function jsonOf(kind) {
  const decoder = new TextDecoder();
  return (await blocksOf(kind)).map((bytes) => JSON.parse(decoder.decode(bytes)));
}

/** The items of a store: each has its length before it, 32 bit, little-endian. */
async function storeOf(kind) {
  const items = [];
  for (const bytes of await blocksOf(kind)) {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; ) {
      const length = view.getUint32(at, true);
      items.push(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
  }
  return items;
}

/** Numbers of equal groups, each group but the first as the difference to the one before. */
function sums(numbers, size) {
  const whole = numbers.slice();
  for (let i = size; i < whole.length; i++) whole[i] += whole[i - size];
  return whole;
}

/** A sweep: x and y in steps, heights in steps. See sweep.rs. */
function unpackSweep(bytes) {
  const count = bytes.length / 5;
  const column = (start) => {
    const values = new Int16Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += bytes[start + i] | (bytes[start + count + i] << 8);
      values[i] = sum;
    }
    return values;
  };
  return { x: column(0), y: column(2 * count), height: bytes.subarray(4 * count) };
}

/** Index of the last of some rising numbers that is not above a value; -1 if there is none. */
function lastUpTo(numbers, value) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Everything, as the other scripts use it. */
async function readPage() {
  const [[contents], pictures, sweeps] = await Promise.all([jsonOf("contents"), storeOf("pictures"), storeOf("sweeps")]);
  for (const [place, drive] of contents.drives.entries()) {
    drive.scenes = (await jsonOf("scenes " + place)).flat();
    // From here on every time is that of the page.
    for (const scene of drive.scenes) scene.time_s += drive.offset_s;
    for (const line of drive.log) line.time_s += drive.offset_s;
    drive.series.times = drive.series.times.map((time) => time + drive.offset_s);
    drive.sceneTimes = drive.scenes.map((scene) => scene.time_s);
    drive.pictureTimes = drive.pictures.map(([time]) => time + drive.offset_s);
  }
  return { ...contents, pictures, sweeps };
}
