// What people drag at a region: its handles, and the region that a drag makes of it.

import { MOST_CORNERS, SIDES, centre, edged, fromOwn, shapeOf, tidy, toOwn } from "./shapes.js";
import { turned } from "./reshape.js";

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
      const sides = Object.entries(SIDES).map(([id, [u, v]]) => ({ id, ...at([u, v]) }));
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

function cornered(region, id, { x, y }) {
  const n = Number(id.slice(1));
  const points = [...region.points];
  if (id.startsWith("m")) points.splice(n + 1, 0, { x, y });
  else points[n] = { x, y };
  return tidy({ ...region, points });
}
