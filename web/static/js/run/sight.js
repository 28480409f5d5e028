// What is in sight is drawn at once; the rest is drawn when it comes into sight, and asks for nothing
// before.

const AROUND = "100px"; // drawn a little before it is seen

/** Watches over items {element, draw(), tick(), appear()}, which get `seen`. */
export class Sight {
  constructor(items) {
    this.items = new Map(items.map((item) => [item.element, item]));
    this.waiting = new Set();
    const options = { rootMargin: AROUND };
    this.observer = new IntersectionObserver((changes) => this.look(changes), options);
    for (const item of items) {
      item.seen = false;
      this.observer.observe(item.element);
    }
  }

  look(changes) {
    for (const { target, isIntersecting } of changes) {
      const item = this.items.get(target);
      item.seen = isIntersecting;
      if (!isIntersecting) continue;
      item.appear?.();
      if (this.waiting.delete(item)) item.draw();
    }
  }

  draw(item) {
    if (item.seen) item.draw();
    else this.waiting.add(item);
  }

  tick() {
    for (const item of this.items.values()) if (item.seen) item.tick();
  }

  end() {
    this.observer.disconnect();
  }
}
