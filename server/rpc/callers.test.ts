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
