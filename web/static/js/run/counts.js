// What a station has counted since its reset: as the ledger said last, and with each result that
// came since.

const KEPT = 500;

/** Counts of one station. */
export class Counts {
  constructor() {
    this.base = null; // as the ledger said
    this.since = []; // results that came after them: {seq, verdict, ms}
  }

  /** The ledger's figures. */
  set(counters) {
    this.base = counters;
    this.since = this.since.filter(({ seq }) => seq > counters.last_seq);
  }

  /** A result that has just come. */
  add({ seq, verdict, duration_ms: ms }) {
    this.since.push({ seq, verdict, ms });
    if (this.since.length > KEPT) this.since.shift();
  }

  /** Results that the ledger's figures do not hold yet. */
  get later() {
    return this.since.filter(({ seq }) => seq > this.base.last_seq);
  }

  /**
   * {OK, NG, ERROR, total, good}: `good` is the share of good parts, null without any; null before
   * the ledger said.
   */
  get now() {
    if (!this.base) return null;
    const { OK, NG, ERROR } = this.base;
    const counts = { OK, NG, ERROR };
    for (const { verdict } of this.later) counts[verdict] += 1;
    const total = counts.OK + counts.NG + counts.ERROR;
    return { ...counts, total, good: total ? counts.OK / total : null };
  }
}
