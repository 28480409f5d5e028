// Regions made of others: moved, turned, grown, of another shape, brought into the frame.

import {
  box,
  centre,
  clamp,
  corners,
  edged,
  fromOwn,
  inside,
  shapeOf,
  sound,
  tidy,
} from "./shapes.js";

// Where the corners of a region of that shape may lie in a frame.
function bounds(shape, { width, height }) {
  const rim = shape === "rectangle" ? 0 : 0.5;
  const least = shape === "polygon" ? 0 : -rim;
  return { left: least, top: least, right: width - 1 + rim, bottom: height - 1 + rim };
}

/** Moved by so much, but not out of the frame. */
export function moved(region, dx, dy, frame) {
  const now = box(region);
  const may = bounds(shapeOf(region), frame);
  const next = shifted(
    region,
    clamp(dx, Math.min(0, may.left - now.left), Math.max(0, may.right - now.right)),
    clamp(dy, Math.min(0, may.top - now.top), Math.max(0, may.bottom - now.bottom)),
  );
  return inside(next, frame) ? next : region;
}

function shifted(region, dx, dy) {
  if (shapeOf(region) === "polygon")
    return tidy({ ...region, points: region.points.map(({ x, y }) => ({ x: x + dx, y: y + dy })) });
  return tidy({ ...region, x: region.x + dx, y: region.y + dy });
}

/** A polygon without its n-th corner; itself if it has only three, or would cross itself. */
export function without(region, n) {
  const next = { ...region, points: region.points.filter((_, at) => at !== n) };
  return next.points.length >= 3 && sound(next) ? next : region;
}

/**
 * Turned about its centre by so many degrees; an upright rectangle becomes a rotated one, circles
 * stay.
 */
export function turned(region, degrees) {
  const c = centre(region);
  switch (shapeOf(region)) {
    case "rectangle":
    case "rotated":
      return tidy({
        ...region,
        ...c,
        shape: "rotated",
        angle_deg: (region.angle_deg ?? 0) + degrees,
      });
    case "polygon":
      return tidy({
        ...region,
        points: region.points.map((point) =>
          fromOwn({ ...c, angle_deg: degrees }, point.x - c.x, point.y - c.y),
        ),
      });
    default:
      return region;
  }
}

/** Larger by so much to the right and below (a circle: its radius; a polygon: about its centre). */
export function grown(region, dw, dh) {
  switch (shapeOf(region)) {
    case "rectangle":
      return tidy({ ...region, width: region.width + dw, height: region.height + dh });
    case "rotated": {
      const [width, height] = [Math.max(1, region.width + dw), Math.max(1, region.height + dh)];
      return tidy({
        ...region,
        ...fromOwn(region, (width - region.width) / 2, (height - region.height) / 2),
        width,
        height,
      });
    }
    case "polygon": {
      const { left, top, right, bottom } = box(region);
      const c = centre(region);
      const [fx, fy] = [1 + dw / Math.max(1, right - left), 1 + dh / Math.max(1, bottom - top)];
      return tidy({
        ...region,
        points: region.points.map(({ x, y }) => ({
          x: c.x + (x - c.x) * fx,
          y: c.y + (y - c.y) * fy,
        })),
      });
    }
    default:
      return tidy({
        ...region,
        radius: Math.max(region.radius + (dw || dh), (region.inner_radius ?? 0) + 1),
      });
  }
}

/** A region of a shape between two points of a drag; it has at least one pixel. */
export function between(shape, a, b) {
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
  const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)];
  const rectangle = edged({ x: Math.round(left), y: Math.round(top), width: 1, height: 1 }, "se", {
    x: right,
    y: bottom,
  });
  if (shape === "circle" || shape === "ring") {
    const radius = Math.max(2, Math.hypot(b.x - a.x, b.y - a.y)); // from the centre outwards
    return tidy({
      shape,
      x: a.x,
      y: a.y,
      radius,
      ...(shape === "ring" && { inner_radius: radius / 2 }),
    });
  }
  return converted(rectangle, shape);
}

/** The region as another shape in the same place. */
export function converted(region, shape) {
  if (shape === shapeOf(region)) return region;
  const c = centre(region);
  const { left, top, right, bottom } = box(region);
  const [width, height] =
    shapeOf(region) === "rotated" && shape === "polygon"
      ? [region.width, region.height]
      : [right - left + 1, bottom - top + 1];
  switch (shape) {
    case "rectangle":
      return tidy({
        shape,
        x: Math.ceil(left),
        y: Math.ceil(top),
        width: Math.floor(right) - Math.ceil(left) + 1,
        height: Math.floor(bottom) - Math.ceil(top) + 1,
      });
    case "rotated":
      return tidy({ shape, ...c, width, height, angle_deg: 0 });
    case "circle":
      return tidy({ shape, ...c, radius: region.radius ?? (Math.min(width, height) - 1) / 2 });
    case "ring": {
      const radius = region.radius ?? (Math.min(width, height) - 1) / 2;
      return tidy({ shape, ...c, radius, inner_radius: radius / 2 });
    }
    default: {
      const points = region.radius
        ? Array.from({ length: 12 }, (_, n) => [
            c.x + region.radius * Math.cos((n * Math.PI) / 6),
            c.y + region.radius * Math.sin((n * Math.PI) / 6),
          ])
        : corners({
            ...region,
            width: Math.max(3, region.width),
            height: Math.max(3, region.height),
          });
      return tidy({ shape, points: points.map(([x, y]) => ({ x, y })) });
    }
  }
}

/** Brought into the frame: moved, and made smaller where it must be. */
export function into(region, frame) {
  let now = tidy(region);
  for (let n = 0; n < 80; n++) {
    const has = box(now);
    const may = bounds(shapeOf(now), frame);
    const there = shifted(
      now,
      has.left < may.left ? may.left - has.left : Math.min(0, may.right - has.right),
      has.top < may.top ? may.top - has.top : Math.min(0, may.bottom - has.bottom),
    );
    if (inside(there, frame)) return there;
    now = scaled(now, 0.95);
  }
  return now;
}

function scaled(region, by) {
  const c = centre(region);
  switch (shapeOf(region)) {
    case "polygon":
      return {
        ...region,
        points: region.points.map(({ x, y }) => ({
          x: c.x + (x - c.x) * by,
          y: c.y + (y - c.y) * by,
        })),
      };
    case "circle":
    case "ring":
      return tidy({
        ...region,
        radius: region.radius * by,
        ...("inner_radius" in region && { inner_radius: region.inner_radius * by }),
      });
    default:
      return tidy({
        ...region,
        width: Math.floor(region.width * by),
        height: Math.floor(region.height * by),
      });
  }
}

/**
 * The farthest that `make(p)` gives a region that fits the frame, on the way from a good point to
 * the wanted one.
 */
export function reached(make, from, to, frame) {
  const good = (p) => {
    const region = make(p);
    return inside(region, frame) && sound(region) ? region : null;
  };
  const there = good(to);
  if (there) return { region: there, at: to };
  let [low, high, best] = [0, 1, null];
  for (let n = 0; n < 12; n++) {
    const middle = (low + high) / 2;
    const at = { x: from.x + (to.x - from.x) * middle, y: from.y + (to.y - from.y) * middle };
    const region = good(at);
    if (region) [low, best] = [middle, { region, at }];
    else high = middle;
  }
  return best;
}

/** A region of a shape amid the frame, a share of it large. */
export function amid(shape, frame, share = 0.25) {
  const [width, height] = [
    Math.max(8, Math.round(frame.width * share)),
    Math.max(8, Math.round(frame.height * share)),
  ];
  const rectangle = {
    shape: "rectangle",
    x: Math.round((frame.width - width) / 2),
    y: Math.round((frame.height - height) / 2),
    width,
    height,
  };
  return into(converted(rectangle, shape), frame);
}
