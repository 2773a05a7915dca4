import { expect, test } from "vitest";
import type { AuthStore } from "../auth/auth-store.ts";
import { NOBODY } from "../auth/identity.ts";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import { NoTokens } from "../credentials/tokens.ts";
import { Metadata } from "../http2/metadata.ts";
import { Callers } from "./callers.ts";

const AUTH = { isEnabled: true, revision: 7 } as AuthStore;

function identified(pairs: readonly string[]) {
  const warnings: [string, LogFields | undefined][] = [];
  const log = {
    ...SILENT_LOG,
    warn: (message: string, fields?: LogFields) => void warnings.push([message, fields]),
  };
  const callers = new Callers({ auth: () => AUTH, tokens: new NoTokens(), log });
  const origin = { metadata: new Metadata(pairs), peerCertificateName: "root" };
  return { identity: callers.identify(origin), warnings };
}

test("who shows a certificate of his own is whom it names", () => {
  expect(identified([])).toEqual({
    identity: { username: "root", authRevision: 7 },
    warnings: [],
  });
});

test("a gateway's certificate does not stand for those who call the gateway", () => {
  const fields = { "common-name": "root", "user-name": "root", revision: 7 };
  expect(identified(["grpcgateway-accept", "*/*"])).toEqual({
    identity: NOBODY,
    warnings: [["ignoring common name in gRPC-gateway proxy request", fields]],
  });
});

test("what a caller may do is judged by the store of when he is known", async () => {
  const stores = [AUTH, { isEnabled: true, revision: 8 } as AuthStore] as const;
  let now: AuthStore = stores[0];
  const tokens = new NoTokens();
  // A snapshot is installed while the member catches up with the token.
  const holder = async (_token: string, authRevision: () => number) => {
    now = stores[1];
    return { username: "u", authRevision: authRevision() };
  };
  const callers = new Callers({
    auth: () => now,
    tokens: Object.assign(tokens, { holder }),
    log: SILENT_LOG,
  });
  const origin = { metadata: new Metadata(["token", "t"]), peerCertificateName: undefined };
  const access = await callers.access(origin);
  expect(access.holder).toEqual({ username: "u", authRevision: 8 });
});
