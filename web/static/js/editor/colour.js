// The colour that stands out in a region of the master, as a range of hue, saturation and value.

import { box, path } from "./geometry.js";

const BINS = 72; // of 5 degrees

/**
 * {hue_low_deg, hue_high_deg, saturation_low, saturation_high, value_low, value_high} of what a
 * region of a picture {url, width, height} shows.
 */
export async function colourIn({ url, width, height }, region) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { left, top, right, bottom } = box(region);
  const [x, y] = [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top))];
  const canvas = document.createElement("canvas");
  Object.assign(canvas, {
    width: Math.max(1, Math.min(width, Math.ceil(right) + 1) - x),
    height: Math.max(1, Math.min(height, Math.ceil(bottom) + 1) - y),
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.translate(0.5 - x, 0.5 - y);
  context.clip(new Path2D(path(region)), "evenodd");
  context.drawImage(image, -0.5, -0.5);
  return rangeOf(context.getImageData(0, 0, canvas.width, canvas.height).data);
}

/**
 * The same of RGBA pixels: the hue that weighs most by saturation, with what belongs to it; or
 * gray, where nothing has a colour.
 */
function rangeOf(data) {
  const pixels = [];
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 200)
      pixels.push(hsv(data[at] / 255, data[at + 1] / 255, data[at + 2] / 255));
  const coloured = pixels.filter(([, s, v]) => s >= 0.2 && v >= 0.15);
  if (coloured.length < 0.02 * pixels.length || coloured.length < 10) return gray(pixels);
  const bins = new Float64Array(BINS);
  for (const [h, s, v] of coloured) bins[Math.floor(h / 5) % BINS] += s * v;
  const smooth = bins.map((_, n) => bins[(n + BINS - 1) % BINS] + bins[n] + bins[(n + 1) % BINS]);
  const peak = smooth.indexOf(Math.max(...smooth));
  const part = (n) => smooth[(n + BINS) % BINS] > 0.08 * smooth[peak];
  let [first, last] = [peak, peak];
  while (peak - first < 8 && part(first - 1)) first -= 1;
  while (last - peak < 8 && part(last + 1)) last += 1;
  const far = (h) => Math.abs(((h / 5 - peak - 0.5 + 1.5 * BINS) % BINS) - BINS / 2);
  const own = coloured.filter(([h]) => far(h) <= Math.max(peak - first, last - peak) + 1);
  return {
    hue_low_deg: turn(5 * (first - 1)),
    hue_high_deg: turn(5 * (last + 2)),
    saturation_low: hundredth(
      Math.max(
        0.15,
        0.7 *
          share(
            own.map(([, s]) => s),
            0.1,
          ),
      ),
    ),
    saturation_high: 1,
    value_low: hundredth(
      Math.max(
        0.1,
        0.6 *
          share(
            own.map(([, , v]) => v),
            0.1,
          ),
      ),
    ),
    value_high: 1,
  };
}

function gray(pixels) {
  const values = pixels.map(([, , v]) => v);
  return {
    hue_low_deg: 0,
    hue_high_deg: 360,
    saturation_low: 0,
    saturation_high: 0.3,
    value_low: hundredth(Math.max(0, share(values, 0.05) - 0.1)),
    value_high: hundredth(Math.min(1, share(values, 0.95) + 0.1)),
  };
}

function hsv(r, g, b) {
  const v = Math.max(r, g, b);
  const c = v - Math.min(r, g, b);
  const h =
    c === 0 ? 0 : v === r ? ((g - b) / c + 6) % 6 : v === g ? (b - r) / c + 2 : (r - g) / c + 4;
  return [60 * h, v === 0 ? 0 : c / v, v];
}

const share = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ??
  0;
const hundredth = (value) => Math.round(value * 100) / 100;
const turn = (degrees) => (degrees + 360) % 360;
