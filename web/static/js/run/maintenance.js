// The end of a maintenance: a question, for somebody may have a hand on what the lines drive.

import { get } from "../api.js";
import { confirm } from "../dialog.js";
import { page, t, time } from "../words.js";

/**
 * Whether an administrator means to end the maintenance of a station; one's own is ended without a
 * question. Throws ApiError.
 */
export async function mayEnd(station) {
  const { maintenance } = await get(`/stations/${station}/outputs`);
  if (!maintenance || maintenance.by === page.person?.username) return true;
  const begun = maintenance.by
    ? t("{by} began it at {time}, and may be testing lines now.", {
        by: maintenance.by,
        time: time(maintenance.at, { seconds: false }),
      })
    : t("Somebody may be testing lines now.");
  return confirm(
    t("End the maintenance of {station}?", { station }),
    `${begun} ${t("All its lines become inactive, and it takes triggers again.")}`,
    { yes: t("End maintenance"), danger: true },
  );
}
