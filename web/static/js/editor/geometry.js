// Regions as the schema has them, without a screen: moved, resized, turned, converted and checked.
//
// All in pixels of the frame; the centre of the top left pixel is (0, 0), so that its outer edge is
// at -0.5. Nothing changes
// in place. What comes out is rounded as the schema asks: whole pixels for rectangles and extents,
// 0.1 for what is a fraction.

export const SHAPES = ["rectangle", "rotated", "circle", "ring", "polygon"];
export const MOST_CORNERS = 64;
const SIDES = {
  n: [0, -1],
  ne: [1, -1],
  e: [1, 0],
  se: [1, 1],
  s: [0, 1],
  sw: [-1, 1],
  w: [-1, 0],
  nw: [-1, -1],
};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const tenth = (value) => Math.round(value * 10) / 10 + 0; // no -0
const radians = (degrees) => (degrees * Math.PI) / 180;

export const shapeOf = (region) => region.shape ?? "rectangle";

/**
 * The points that must lie in the frame, as [x, y]: the outermost pixels' centres, or the border.
 */
export function corners(region) {
  const { x, y, width, height } = region;
  switch (shapeOf(region)) {
    case "rectangle":
      return [
        [x, y],
        [x + width - 1, y],
        [x + width - 1, y + height - 1],
        [x, y + height - 1],
      ];
    case "rotated":
      return around(region, (width - 1) / 2, (height - 1) / 2);
    case "polygon":
      return region.points.map((point) => [point.x, point.y]);
    default:
      return Array.from({ length: 36 }, (_, n) => [
        x + region.radius * Math.cos((n * Math.PI) / 18),
        y + region.radius * Math.sin((n * Math.PI) / 18),
      ]);
  }
}

// The corners of a turned rectangle of these half extents.
function around({ x, y, angle_deg }, w, h) {
  const c = Math.cos(radians(angle_deg));
  const s = Math.sin(radians(angle_deg));
  return [
    [-w, -h],
    [w, -h],
    [w, h],
    [-w, h],
  ].map(([u, v]) => [x + c * u - s * v, y + s * u + c * v]);
}

/** {left, top, right, bottom} of its corners. */
export function box(region) {
  const points = corners(region);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return {
    left: Math.min(...xs),
    top: Math.min(...ys),
    right: Math.max(...xs),
    bottom: Math.max(...ys),
  };
}

/** Its centre as {x, y}. */
export function centre(region) {
  const { x, y, width, height } = region;
  if (shapeOf(region) === "rectangle") return { x: x + (width - 1) / 2, y: y + (height - 1) / 2 };
  if (shapeOf(region) !== "polygon") return { x, y };
  const { left, top, right, bottom } = box(region);
  return { x: (left + right) / 2, y: (top + bottom) / 2 };
}

/** Its area in px, about. */
export function area(region) {
  switch (shapeOf(region)) {
    case "circle":
      return Math.PI * region.radius ** 2;
    case "ring":
      return Math.PI * (region.radius ** 2 - region.inner_radius ** 2);
    case "polygon":
      return Math.abs(twiceArea(corners(region))) / 2;
    default:
      return region.width * region.height;
  }
}

/** Whether the whole region lies in a frame {width, height}. */
export function inside(region, frame) {
  return corners(region).every(
    ([x, y]) => x >= -0.5 && x <= frame.width - 0.5 && y >= -0.5 && y <= frame.height - 0.5,
  );
}

/** Whether the schema takes it, wherever it lies. */
export function sound(region) {
  switch (shapeOf(region)) {
    case "circle":
      return region.radius >= 1;
    case "ring":
      return region.inner_radius >= 0 && region.inner_radius < region.radius - 0.5;
    case "polygon":
      return (
        region.points.length >= 3 &&
        region.points.length <= MOST_CORNERS &&
        region.points.every(({ x, y }) => x >= 0 && y >= 0) &&
        Math.abs(twiceArea(corners(region))) >= 2 &&
        !crosses(corners(region))
      );
    default:
      return region.width >= 1 && region.height >= 1;
  }
}

function twiceArea(points) {
  return points.reduce((sum, [x, y], i) => {
    const [u, v] = points[(i + 1) % points.length];
    return sum + x * v - u * y;
  }, 0);
}

// Whether the sides of a polygon cross each other.
function crosses(points) {
  const n = points.length;
  const side = (p, q, r) => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  for (let i = 0; i < n; i++)
    for (let j = i + 2; j < n; j++) {
      if (i === 0 && j === n - 1) continue;
      const [a, b, c, d] = [points[i], points[i + 1], points[j], points[(j + 1) % n]];
      if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) return true;
    }
  return false;
}

/** Rounded to what the schema takes. */
export function tidy(region) {
  const [x, y] = [Math.max(0, tenth(region.x)), Math.max(0, tenth(region.y))];
  switch (shapeOf(region)) {
    case "rectangle":
      return {
        shape: "rectangle",
        x: Math.round(region.x) + 0,
        y: Math.round(region.y) + 0,
        width: Math.max(1, Math.round(region.width)),
        height: Math.max(1, Math.round(region.height)),
      };
    case "rotated":
      return {
        shape: "rotated",
        x,
        y,
        width: Math.max(1, Math.round(region.width)),
        height: Math.max(1, Math.round(region.height)),
        angle_deg: tenth(upright(region.angle_deg)),
      };
    case "circle":
      return { shape: "circle", x, y, radius: Math.max(1, tenth(region.radius)) };
    case "ring": {
      const radius = Math.max(1.5, tenth(region.radius));
      return {
        shape: "ring",
        x,
        y,
        radius,
        inner_radius: clamp(tenth(region.inner_radius), 0, tenth(radius - 0.6)),
      };
    }
    default:
      return {
        shape: "polygon",
        points: region.points.map((point) => ({
          x: Math.max(0, tenth(point.x)),
          y: Math.max(0, tenth(point.y)),
        })),
      };
  }
}

// The same angle, from -180 (not included) to 180.
const upright = (angle) => angle - 360 * Math.ceil((angle - 180) / 360);

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

/**
 * The handles: {id, x, y}; ids are sides (n, ne, ...), `turn`, `inner` (of a ring), `p0`...
 * (corners), `m0`... (between two corners). `reach`: how far off the turn handle is.
 */
export function handles(region, reach = 20, turns = true) {
  const { x, y, width, height } = region;
  switch (shapeOf(region)) {
    case "rectangle":
    case "rotated": {
      const c = centre(region);
      const turned = { ...c, angle_deg: region.angle_deg ?? 0 };
      const at = ([u, v]) => fromOwn(turned, (u * width) / 2, (v * height) / 2);
      const sides = Object.entries(SIDES).map(([id, side]) => ({ id, ...at(side) }));
      return turns ? [...sides, { id: "turn", ...fromOwn(turned, 0, -height / 2 - reach) }] : sides;
    }
    case "polygon": {
      const { points } = region;
      const next = (n) => points[(n + 1) % points.length];
      const middles =
        points.length < MOST_CORNERS
          ? points.map((point, n) => ({
              id: `m${n}`,
              x: (point.x + next(n).x) / 2,
              y: (point.y + next(n).y) / 2,
            }))
          : [];
      return [...points.map((point, n) => ({ id: `p${n}`, ...point })), ...middles];
    }
    default: {
      const outer = ["n", "e", "s", "w"].map((id) => ({
        id,
        x: x + SIDES[id][0] * region.radius,
        y: y + SIDES[id][1] * region.radius,
      }));
      return shapeOf(region) === "ring"
        ? [
            ...outer,
            {
              id: "inner",
              x: x + region.inner_radius * Math.SQRT1_2,
              y: y + region.inner_radius * Math.SQRT1_2,
            },
          ]
        : outer;
    }
  }
}

function fromOwn({ x, y, angle_deg }, u, v) {
  const c = Math.cos(radians(angle_deg));
  const s = Math.sin(radians(angle_deg));
  return { x: x + c * u - s * v, y: y + s * u + c * v };
}

function toOwn({ x, y, angle_deg }, p) {
  return fromOwn({ x: 0, y: 0, angle_deg: -angle_deg }, p.x - x, p.y - y);
}

/**
 * The region with one handle at the point {x, y}; it may leave the frame. `steps`: turn in steps of
 * 15 degrees.
 */
export function dragged(region, id, p, { steps = false } = {}) {
  if (id === "turn") return turned(region, angleTo(region, p, steps) - (region.angle_deg ?? 0));
  switch (shapeOf(region)) {
    case "rectangle":
      return edged(region, id, p);
    case "rotated": {
      const own = toOwn(region, p);
      const [u, v] = SIDES[id];
      const width = u ? Math.max(1, Math.round(u * own.x + region.width / 2)) : region.width;
      const height = v ? Math.max(1, Math.round(v * own.y + region.height / 2)) : region.height;
      const at = fromOwn(
        region,
        (u * (width - region.width)) / 2,
        (v * (height - region.height)) / 2,
      );
      return tidy({ ...region, ...at, width, height });
    }
    case "polygon":
      return cornered(region, id, p);
    default: {
      const far = Math.hypot(p.x - region.x, p.y - region.y);
      if (id === "inner")
        return tidy({ ...region, inner_radius: Math.min(far, region.radius - 1) });
      return tidy({ ...region, radius: Math.max(far, (region.inner_radius ?? 0) + 1) });
    }
  }
}

function angleTo(region, p, steps) {
  const c = centre(region);
  const angle = (Math.atan2(p.y - c.y, p.x - c.x) * 180) / Math.PI + 90;
  return steps ? Math.round(angle / 15) * 15 : Math.round(angle * 2) / 2;
}

function edged({ x, y, width, height }, id, p) {
  const [u, v] = SIDES[id];
  // first column, and the first behind the last
  const edge = { left: x, top: y, right: x + width, bottom: y + height };
  if (u < 0) edge.left = Math.min(Math.round(p.x + 0.5), edge.right - 1);
  if (u > 0) edge.right = Math.max(Math.round(p.x + 0.5), edge.left + 1);
  if (v < 0) edge.top = Math.min(Math.round(p.y + 0.5), edge.bottom - 1);
  if (v > 0) edge.bottom = Math.max(Math.round(p.y + 0.5), edge.top + 1);
  return {
    shape: "rectangle",
    x: edge.left,
    y: edge.top,
    width: edge.right - edge.left,
    height: edge.bottom - edge.top,
  };
}

function cornered(region, id, { x, y }) {
  const n = Number(id.slice(1));
  const points = [...region.points];
  if (id.startsWith("m")) points.splice(n + 1, 0, { x, y });
  else points[n] = { x, y };
  return tidy({ ...region, points });
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

/** Its border as an SVG path in pixels of the frame: the outer edges of its pixels. */
export function path(region) {
  const { x, y, width, height, radius } = region;
  const disc = (r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
  switch (shapeOf(region)) {
    case "rectangle":
      return `M${x - 0.5} ${y - 0.5}h${width}v${height}h${-width}z`;
    case "circle":
      return disc(radius);
    case "ring":
      return disc(radius) + (region.inner_radius > 0 ? disc(region.inner_radius) : "");
    default:
      return `M${(shapeOf(region) === "polygon" ? corners(region) : around(region, width / 2, height / 2)).map((point) => point.join(" ")).join("L")}z`;
  }
}
