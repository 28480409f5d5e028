// Saying again who one is: the fields of a dialog that asks for it, and what is sent of them.

import { get } from "./api.js";
import { proving } from "./passkeys.js";
import { t } from "./words.js";

/**
 * The rows of a form that ask for the own password, and for the code where one is set up. only:
 * when they are needed, where that is not always; why: the sentence below the password.
 */
export async function own(only = "", why = "") {
  const required = !only;
  const rows = [
    {
      name: "own_password",
      label: t("Your own password"),
      type: "password",
      autocomplete: "current-password",
      required,
      maxlength: 1024,
      help: only || why || t("This gives or takes rights, so it asks for your own password again."),
    },
  ];
  const { twofactor, passkeys } = await get("/auth/me");
  const other = passkeys
    ? t("Leave it empty to use a passkey; or a recovery code")
    : t("Or a recovery code");
  if (twofactor)
    rows.push({
      name: "own_code",
      type: "text",
      label: t("Code of your authenticator app"),
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: 32,
      required: required && !passkeys,
      help: other,
    });
  return rows;
}

function proven({ own_password, own_code = "", ...values }) {
  if (!own_password) return values;
  const code = own_code.trim();
  if (!code) return { ...values, own_password };
  return {
    ...values,
    own_password,
    ...(/^[0-9]{6}$/.test(code) ? { own_code: code } : { own_recovery_code: code.toLowerCase() }),
  };
}

/** Send values with the proof that the form asked for; a passkey signs where it is asked for. */
export const sent = (values, send) => proving(proven(values), send, "own_passkey");
