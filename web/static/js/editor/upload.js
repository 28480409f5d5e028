// A picture that somebody has: checked before it is sent, and made PNG or JPEG that shows on every
// machine the same.

import { ApiError } from "../api.js";
import { number, t } from "../words.js";
import { base64Of } from "./state.js";

const MOST_BYTES = 8 * 1024 * 1024;
const MOST_PIXELS = 36e6;
const LEAST_SIDE = 16;
const HEAD = 256 * 1024;

/** {base64, type, width, height} of a File. Throws ApiError IMAGE_INVALID or TOO_LARGE. */
export async function pictureOf(file) {
  if (!file.type.startsWith("image/"))
    throw refusal(t("{name} is no picture", { name: file.name }));
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw refusal(t("{name} cannot be read as a picture", { name: file.name }));
  }
  const { width, height } = bitmap;
  if (Math.min(width, height) < LEAST_SIDE)
    throw refusal(t("{width} × {height} px are too small", { width, height }));
  if (width * height > MOST_PIXELS)
    throw refusal(
      t("{width} × {height} px are more than {most} million pixels", {
        width,
        height,
        most: number(MOST_PIXELS / 1e6),
      }),
    );
  const blob = (await plain(file)) && file.size <= MOST_BYTES ? file : await redrawn(bitmap);
  bitmap.close();
  if (blob.size > MOST_BYTES)
    throw new ApiError(
      "TOO_LARGE",
      t("The picture has {size} MB; at most {most} MB are taken", {
        size: number(blob.size / 1e6, 1),
        most: number(MOST_BYTES / 1e6, 1),
      }),
      413,
    );
  return { base64: await base64Of(blob), type: blob.type, width, height };
}

function refusal(message) {
  return new ApiError("IMAGE_INVALID", message, 422, { advice: "Send a JPEG or PNG picture" });
}

// PNG or JPEG that no camera turned: the node does not look at the orientation in EXIF, browsers
// do.
async function plain(file) {
  if (file.type === "image/png") return true;
  if (file.type !== "image/jpeg") return false;
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  return !new TextDecoder("latin1").decode(head).includes("Exif\0\0");
}

// The pixels as they are seen: PNG, or the best JPEG where that is too large.
async function redrawn(bitmap) {
  const canvas = Object.assign(document.createElement("canvas"), {
    width: bitmap.width,
    height: bitmap.height,
  });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const as = (type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));
  const exact = await as("image/png");
  return exact && exact.size <= MOST_BYTES ? exact : as("image/jpeg", 0.97);
}
