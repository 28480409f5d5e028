// What to do about an alarm: a sentence, and where it is done.

import { may } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const health = () => ({ href: "/app/health", text: t("Open Health") });
const at = (path, station) => `${path}?station=${encodeURIComponent(station ?? "")}`;

const CURES = {
  PROGRAM: {
    advice: () => t("Choose a program for the station, or fix the one it has."),
    go: (station) =>
      may("ADMIN")
        ? { href: at("/app/programs", station), text: t("Choose a program") }
        : { href: at("/app/run", station), text: t("Open the station") },
  },
  PROGRAMS: {
    advice: () => t("A copy is in use. Save a program once more, or restore a backup."),
    go: () => ({ href: "/app/programs", text: t("Open the programs") }),
  },
  CAMERA: {
    advice: () => t("Check cable, power and light, and which camera the settings name."),
    go: health,
  },
  OUTPUTS: {
    advice: () => t("Check chip, wiring and who else holds the lines."),
    go: () => ({ href: "/app/lines", text: t("Open the lines") }),
  },
  BROKER: {
    advice: () => t("Check that the broker runs, its address, and what it allows this node."),
    go: health,
  },
  DISK: { advice: () => t("Free space; pictures are dropped first."), go: health },
  STORE: {
    advice: () => t("Free space, or check the disk: until then no part is taken."),
    go: health,
  },
  LEDGER: { advice: () => t("Check the disk, or restore a backup."), go: health },
  NODE_AWAY: {
    advice: () => [
      t("Check that it runs:"),
      " ",
      h("code", "systemctl status inspection-node; journalctl -u inspection-node -n 50"),
    ],
    go: health,
  },
  OUTBOX: { advice: () => t("Results wait for the broker: check that it takes them."), go: health },
  CLOCK: { advice: () => t("Set the clock, and let the network keep it."), go: health },
  CERTIFICATE: { advice: () => t("Put a new certificate in its place and reload."), go: health },
  HUNG: {
    advice: () => t("An inspection does not end. If it stays, restart the node."),
    go: (station) => ({ href: at("/app/run", station), text: t("Open the station") }),
  },
  CRASHED: {
    advice: () =>
      t("Change the program, or its tool that the alarm names; then resume the station."),
    go: (station) => ({ href: at("/app/run", station), text: t("Open the station") }),
  },
  REALTIME: {
    advice: () => t("Let the unit allow it, or undo the setting: docs/production.md."),
    go: (station) => ({ href: at("/app/run", station), text: t("Open the station") }),
  },
  FAULT: {
    advice: () => t("A fault of the node: keep the log, and report it."),
    go: (station) =>
      station ? { href: at("/app/run", station), text: t("Open the station") } : health(),
  },
  DUPLICATES: {
    advice: () => t("Somebody sends the same id for different parts: give each its own."),
    go: (station) => ({ href: at("/app/history", station), text: t("Open the history") }),
  },
  SETTINGS: {
    advice: () =>
      t("On the machine: {command}", {
        command: "systemctl reload inspection-node inspection-web",
      }),
    go: () => (may("ADMIN") ? { href: "/app/settings", text: t("Open the settings") } : health()),
  },
  AUDIT: {
    advice: () => t("Make room for the audit, or export it and begin another."),
    go: () => (may("ADMIN") ? { href: "/app/audit", text: t("Open the audit") } : health()),
  },
};

/** {advice, href, text} of an alarm's code; null for one that nobody knows. */
export function cureOf(code, station) {
  const cure = CURES[String(code).split(".")[0]];
  return cure ? { advice: cure.advice(), ...cure.go(station) } : null;
}
