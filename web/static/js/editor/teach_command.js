// The command that teaches a tool or the locator, with the settings file that this web goes by.

import { get } from "../api.js";
import { t } from "../words.js";
import { editor } from "./state.js";

const UNKNOWN = "SETTINGS";
let file = UNKNOWN;
let asked = null;

/** Ask for the settings file, once; the command is complete afterwards. */
export function findSettings() {
  asked ??= get("/settings").then(
    (found) => (file = /^[\w./-]+$/.test(found.file) ? found.file : quoted(found.file)),
    () => null, // the note says what to put in
  );
  return asked;
}

// As a shell takes it.
const quoted = (path) => `'${path.replaceAll("'", "'\\''")}'`;

/** The command for a tool (or "locator"); `pictures` are its folders. */
export const teachCommand = (name, pictures) =>
  `inspection-node teach ${editor.program.id || "PROGRAM"} ${name} ${pictures} --config ${file}`;

/** What to know of it. */
export const teachNote = () =>
  file === UNKNOWN
    ? t(
        "SETTINGS is the file that the node was started with, such as /etc/inspection-node/node.toml. It stores the next version of the program; reload this page afterwards.",
      )
    : t("It stores the next version of the program; reload this page afterwards.");
