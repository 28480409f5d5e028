// Regions as the schema has them, without a screen: their corners, sizes and places, and whether they
// are sound.
//
// All in pixels of the frame; the centre of the top left pixel is (0, 0), so that its outer edge is
// at -0.5. Nothing changes
// in place. What comes out is rounded as the schema asks: whole pixels for rectangles and extents,
// 0.1 for what is a fraction.

export const SHAPES = ["rectangle", "rotated", "circle", "ring", "polygon"];
export const MOST_CORNERS = 64;
export const SIDES = {
  n: [0, -1],
  ne: [1, -1],
  e: [1, 0],
  se: [1, 1],
  s: [0, 1],
  sw: [-1, 1],
  w: [-1, 0],
  nw: [-1, -1],
};

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
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

export function fromOwn({ x, y, angle_deg }, u, v) {
  const c = Math.cos(radians(angle_deg));
  const s = Math.sin(radians(angle_deg));
  return { x: x + c * u - s * v, y: y + s * u + c * v };
}

export function toOwn({ x, y, angle_deg }, p) {
  return fromOwn({ x: 0, y: 0, angle_deg: -angle_deg }, p.x - x, p.y - y);
}

export function edged({ x, y, width, height }, id, p) {
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
