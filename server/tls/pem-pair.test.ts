import { expect, test } from "vitest";
import { checkPair } from "./pem-pair.ts";

const block = (type: string) => `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`;
const check = (certificate: string, key: string) => () =>
  checkPair(Buffer.from(certificate), Buffer.from(key));

const CERTIFICATE = block("CERTIFICATE");
const KEY = block("EC PRIVATE KEY");

test("the blocks that count may stand among others", () => {
  expect(check(`text\n${KEY}${CERTIFICATE}`, `${block("EC PARAMETERS")}${KEY}`)).not.toThrow();
  expect(check(CERTIFICATE, block("PRIVATE KEY"))).not.toThrow();
});

test.for<readonly [certificate: string, key: string, text: string]>([
  ["", KEY, "tls: failed to find any PEM data in certificate input"],
  [
    KEY,
    KEY,
    "tls: failed to find certificate PEM data in certificate input, but did find a private key; " +
      "PEM inputs may have been switched",
  ],
  [
    block("X509 CRL"),
    KEY,
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks ' +
      "of the following types: [X509 CRL]",
  ],
  [
    CERTIFICATE,
    "-----BEGIN PRIVATE KEY-----\nAAAA",
    "tls: failed to find any PEM data in key input",
  ],
  [
    CERTIFICATE,
    CERTIFICATE,
    "tls: found a certificate rather than a key in the PEM for the private key",
  ],
  [
    CERTIFICATE,
    block("A") + block("B"),
    'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping ' +
      "PEM blocks of the following types: [A B]",
  ],
])("what is wrong is said in Go's words: %#", ([certificate, key, text]) => {
  expect(check(certificate, key)).toThrow(text);
});
