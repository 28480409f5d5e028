// The pictures of a result: with what was found, as taken, or both side by side; wheel, fingers,
// buttons and keys zoom and move both alike.

import { h, icon, put } from "../dom.js";
import { number, percent, t } from "../words.js";

const MAX_SCALE = 40;
const MODES = ["annotated", "raw", "both"];

/** Zoom and position of all panes: scale against "fits", offset in parts of the pane. */
class Look {
  scale = 1;
  x = 0;
  y = 0;

  /** Zoom by a factor around a point (0 to 1 of the pane). */
  zoom(factor, px = 0.5, py = 0.5) {
    const scale = Math.min(MAX_SCALE, Math.max(1, this.scale * factor));
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.move(0, 0);
  }

  /** Move, so that the picture stays in sight. */
  move(dx, dy) {
    this.x = Math.min(0, Math.max(1 - this.scale, this.x + dx));
    this.y = Math.min(0, Math.max(1 - this.scale, this.y + dy));
  }
}

/**
 * The viewer in `section` with its `bar` and `panes`; show(result) shows another result and keeps
 * zoom and choice.
 */
export function viewer(section, bar, panes) {
  const look = new Look();
  let mode = MODES.includes(localStorage.getItem("result-pictures"))
    ? localStorage.getItem("result-pictures")
    : "annotated";
  let result = null;
  const names = { annotated: t("With findings"), raw: t("As taken"), both: t("Side by side") };
  const modes = MODES.map((each) =>
    h(
      "button.button",
      { type: "button", dataset: { mode: each }, onclick: () => choose(each) },
      names[each],
    ),
  );
  const button = (name, label, job) =>
    h(
      "button.button.icon-only",
      { type: "button", "aria-label": label, title: label, onclick: job },
      icon(name),
    );
  const change = (job) => () => {
    job();
    draw();
  };
  put(
    bar,
    h("div.cluster.segments", { role: "group", "aria-label": t("Picture") }, modes),
    h(
      "div.cluster",
      button(
        "minus",
        t("Zoom out"),
        change(() => look.zoom(1 / 1.5)),
      ),
      button(
        "plus",
        t("Zoom in"),
        change(() => look.zoom(1.5)),
      ),
      h("button.button", { type: "button", onclick: change(() => look.zoom(0)) }, t("Fit")),
      button("full", t("Full screen"), () =>
        document.fullscreenElement
          ? document.exitFullscreen()
          : section.requestFullscreen().catch(() => {}),
      ),
    ),
  );

  function choose(wanted) {
    mode = wanted;
    localStorage.setItem("result-pictures", mode);
    fill();
  }

  function fill() {
    for (const each of modes) each.setAttribute("aria-pressed", String(each.dataset.mode === mode));
    panes.classList.toggle("both", mode === "both");
    put(panes, (mode === "both" ? ["raw", "annotated"] : [mode]).map(pane));
    draw();
  }

  function pane(kind) {
    const name = result?.images[kind];
    const kept = name && result.kept.includes(name);
    const alt =
      kind === "raw"
        ? t("Part {part} as taken", { part: result?.part_id ?? "" })
        : t("Part {part} with what the tools found", { part: result?.part_id ?? "" });
    const figure = h("figure.pane", {
      tabindex: 0,
      role: "group",
      "aria-label": t("{name}; plus and minus zoom, arrow keys move, 0 fits", {
        name: names[kind],
      }),
    });
    const gone = (text) => h("div.gone", icon("camera"), h("span", text));
    if (kept) {
      const image = h("img", { src: `/api/v1/pictures/${name}`, alt, draggable: "false" });
      image.addEventListener("load", draw);
      image.addEventListener("error", () =>
        image.replaceWith(gone(t("The picture is not there yet, or not kept any more."))),
      );
      figure.append(image);
    } else
      figure.append(
        gone(
          result === null
            ? ""
            : name
              ? t("The picture is not kept any more.")
              : t("No picture was kept. The program says which results keep theirs."),
        ),
      );
    figure.append(h("figcaption", names[kind], " ", h("span.scale")));
    listen(figure);
    return figure;
  }

  function draw() {
    for (const figure of panes.children) {
      const image = figure.querySelector("img");
      if (!image) continue;
      const fit = image.naturalWidth
        ? Math.min(
            figure.clientWidth / image.naturalWidth,
            figure.clientHeight / image.naturalHeight,
          )
        : 1;
      image.style.setProperty(
        "transform",
        `translate(${look.x * 100}%, ${look.y * 100}%) scale(${look.scale})`,
      );
      figure.classList.toggle("sharp", fit * look.scale > 2);
      figure.querySelector(".scale").textContent = image.naturalWidth
        ? t("{width} × {height} px, {scale}", {
            width: number(image.naturalWidth),
            height: number(image.naturalHeight),
            scale: percent(fit * look.scale, 0),
          })
        : "";
    }
  }

  function listen(figure) {
    const fingers = new Map();
    const at = (event) => {
      const box = figure.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return Math.hypot((a[0] - b[0]) * figure.clientWidth, (a[1] - b[1]) * figure.clientHeight);
    };
    figure.addEventListener(
      "wheel",
      (event) => {
        if (look.scale === 1 && event.deltaY > 0) return; // fits already: the page scrolls
        event.preventDefault();
        look.zoom(Math.exp(-event.deltaY / 400), ...at(event));
        draw();
      },
      { passive: false },
    );
    figure.addEventListener("pointerdown", (event) => {
      figure.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
    });
    figure.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const apart = fingers.size === 2 ? spread() : 0;
      const now = at(event);
      fingers.set(event.pointerId, now);
      if (apart)
        look.zoom(
          spread() / apart,
          ...[0, 1].map((axis) =>
            [...fingers.values()].reduce((sum, each) => sum + each[axis] / 2, 0),
          ),
        );
      look.move((now[0] - before[0]) / fingers.size, (now[1] - before[1]) / fingers.size);
      draw();
    });
    for (const kind of ["pointerup", "pointercancel"])
      figure.addEventListener(kind, (event) => fingers.delete(event.pointerId));
    figure.addEventListener("dblclick", (event) => {
      look.zoom(look.scale > 1 ? 0 : 3, ...at(event));
      draw();
    });
    figure.addEventListener("keydown", (event) => {
      const moves = {
        ArrowLeft: [0.1, 0],
        ArrowRight: [-0.1, 0],
        ArrowUp: [0, 0.1],
        ArrowDown: [0, -0.1],
      };
      if (event.key === "+" || event.key === "=") look.zoom(1.5);
      else if (event.key === "-") look.zoom(1 / 1.5);
      else if (event.key === "0") look.zoom(0);
      else if (moves[event.key] && look.scale > 1) look.move(...moves[event.key]);
      else return;
      event.preventDefault();
      event.stopPropagation();
      draw();
    });
  }

  new ResizeObserver(draw).observe(panes);
  return {
    show(found) {
      result = found;
      fill();
    },
  };
}
