// Where a bad part failed, cut out of its picture and as large as there is room: the node says where,
// and it changes with the picture.

import { h } from "../dom.js";
import { t } from "../words.js";

const WHOLE = 1000; // places are in thousandths of the picture
const WIDTH = 480; // px of the drawing
const HEIGHT = 300;

/** {left, top, width, height} of a header of the picture; null without. */
export function placeOf(text) {
  const numbers = text?.split(",").map(Number);
  if (numbers?.length !== 4 || !numbers.every(Number.isFinite)) return null;
  const [left, top, width, height] = numbers;
  return { left, top, width, height };
}

/** The close-up of a station; `element` is hidden while there is nothing to show. */
export class Closeup {
  constructor() {
    this.element = h("canvas.closeup", {
      width: WIDTH,
      height: HEIGHT,
      hidden: true,
      role: "img",
      "aria-label": t("Where the part failed"),
    });
  }

  /** Draw that place of a picture (an <img> that is decoded). */
  draw(image, place) {
    const { naturalWidth: wide, naturalHeight: high } = image;
    const scale = Math.min(
      WIDTH / ((place.width * wide) / WHOLE),
      HEIGHT / ((place.height * high) / WHOLE),
    );
    // the place and nothing else: beside it stand labels
    const [width, height] = [(place.width * wide) / WHOLE, (place.height * high) / WHOLE];
    const [x, y] = [(place.left * wide) / WHOLE, (place.top * high) / WHOLE];
    Object.assign(this.element, { width: width * scale, height: height * scale });
    const drawing = this.element.getContext("2d");
    drawing.imageSmoothingEnabled = scale < 4; // pixels that large are better seen as they are
    drawing.drawImage(image, x, y, width, height, 0, 0, width * scale, height * scale);
  }
}
