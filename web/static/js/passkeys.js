// Passkeys (WebAuthn): what the server asks is handed to the browser, and what its authenticator
// answers is handed back.

import { t } from "./words.js";

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const listed = (credentials) =>
  (credentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

/** Whether this browser has passkeys at this address. */
export const there = () => Boolean(window.PublicKeyCredential && navigator.credentials);

/**
 * Let an authenticator make a passkey of the server's options: what POST /auth/passkeys takes as
 * `credential`.
 */
export async function make(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: listed(options.excludeCredentials),
  };
  const made = await asked(() => navigator.credentials.create({ publicKey }));
  const { clientDataJSON, attestationObject } = made.response;
  return {
    id: text(made.rawId),
    client_data: text(clientDataJSON),
    attestation: text(attestationObject),
    transports: made.response.getTransports?.() ?? [],
  };
}

/**
 * Let a passkey sign what a refusal TWO_FACTOR_REQUIRED asks: what sign-in and proofs take as
 * `passkey`.
 */
export async function sign(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: listed(options.allowCredentials),
  };
  const signed = await asked(() => navigator.credentials.get({ publicKey }));
  const { clientDataJSON, authenticatorData, signature } = signed.response;
  return {
    id: text(signed.rawId),
    client_data: text(clientDataJSON),
    authenticator_data: text(authenticatorData),
    signature: text(signature),
  };
}

/**
 * Send values; where a second factor is asked for and none was given, let a passkey sign and send
 * them again with it as `key`.
 */
export async function proving(values, send, key = "passkey") {
  try {
    return await send(values);
  } catch (error) {
    if (error.code !== "TWO_FACTOR_REQUIRED" || !error.details.passkey || !there()) throw error;
    return send({ ...values, [key]: await sign(error.details.passkey) });
  }
}

// What browsers say when somebody cancels, waits too long or has another key is of no use to
// anybody.
async function asked(job) {
  try {
    return await job();
  } catch (error) {
    throw new Error(
      error.name === "InvalidStateError"
        ? t("This passkey is registered already")
        : t("No passkey was used. Try again, or use another second factor."),
      { cause: error },
    );
  }
}
