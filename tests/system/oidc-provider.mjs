// npm oidc-provider as an identity provider of a plant: its sign-in page takes any name, and PEOPLE says whose groups are which.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { PORT, ISSUER, REDIRECT, SECRET, PEOPLE } = process.env;
const groups = JSON.parse(PEOPLE);
const provider = new Provider(ISSUER, {
  clients: [{ client_id: "inspection-node", client_secret: SECRET, redirect_uris: [REDIRECT], grant_types: ["authorization_code"], response_types: ["code"] }],
  claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, name: id.toUpperCase(), groups: groups[id] ?? [] }) }),
});
createServer(provider.callback()).listen(Number(PORT), "127.0.0.1");
