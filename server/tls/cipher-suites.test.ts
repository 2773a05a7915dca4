import { createSecureContext } from "node:tls";
import { expect, test } from "vitest";
import { cipherList } from "./cipher-suites.ts";

const TLS_13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

test("without names, what Go offers unasked", () => {
  const suites = cipherList([]).split(":");
  expect(suites).toContain("ECDHE-ECDSA-AES128-GCM-SHA256");
  expect(suites.filter((suite) => !suite.startsWith("TLS_"))).toSatisfy((chosen: string[]) =>
    chosen.every((suite) => suite.startsWith("ECDHE-")),
  );
  expect(() => createSecureContext({ ciphers: cipherList([]) })).not.toThrow();
});

test("names choose the suites of TLS 1.2; those of 1.3 are always offered", () => {
  const names = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"];
  expect(cipherList(names)).toBe(`${TLS_13}:ECDHE-RSA-AES256-GCM-SHA384`);
  expect(cipherList(["TLS_AES_256_GCM_SHA384"])).toBe(TLS_13);
});

test("a suite that is broken beyond doubt is left out, or refused when it is all there is", () => {
  const good = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  const list = `${TLS_13}:ECDHE-ECDSA-AES128-GCM-SHA256`;
  expect(cipherList(["TLS_RSA_WITH_RC4_128_SHA", good])).toBe(list);
  expect(() => cipherList(["TLS_RSA_WITH_RC4_128_SHA"])).toThrow("none of the TLS cipher suites");
});

test("a name that Go does not know is refused in etcd's words", () => {
  expect(() => cipherList(["AES128-SHA"])).toThrow('unexpected TLS cipher suite "AES128-SHA"');
  expect(() => cipherList(["toString"])).toThrow('unexpected TLS cipher suite "toString"');
});
