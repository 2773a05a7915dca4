import { expect, test } from "vitest";
import { claimedBy } from "./jwt-claims.ts";

const NOW = 1_700_000_000;
const read = (text: string) => claimedBy(Buffer.from(text), NOW);
const root = (claims: string) => read(`{"username":"root","revision":7${claims}}`);

test.each([
  ["", Number.POSITIVE_INFINITY],
  [`,"exp":0,"iat":0,"nbf":0`, Number.POSITIVE_INFINITY],
  [`,"exp":${NOW + 1}`, NOW + 1],
  [`,"exp":${NOW + 1.9}`, NOW + 1],
  [`,"exp":9.2e18`, 9.2e18],
  [`,"iat":${NOW},"nbf":${NOW}`, Number.POSITIVE_INFINITY],
  [`,"iat":${NOW}.9,"nbf":-1e30`, Number.POSITIVE_INFINITY],
  // To Go that is long ago.
  [`,"iat":1e30,"nbf":1e30`, Number.POSITIVE_INFINITY],
])("a token with %s is good until %d", (claims, expiresAt) => {
  expect(root(claims)).toEqual({ identity: { username: "root", authRevision: 7 }, expiresAt });
});

test.each([
  `,"exp":${NOW}`,
  `,"exp":${NOW}.9`,
  `,"exp":0.5`,
  `,"exp":1e30`,
  `,"exp":1e400`,
  `,"exp":null`,
  `,"exp":"${NOW + 1}"`,
  `,"iat":${NOW + 1}`,
  `,"iat":true`,
  `,"iat":1e400`,
  `,"nbf":${NOW + 1}`,
  `,"nbf":[]`,
  `,"revision":-1`,
  `,"revision":1e300`,
  `,"revision":null`,
  `,"username":null`,
])("a token with %s is nobody's", (claims) => {
  expect(root(claims)).toBeUndefined();
});

test("of a broken revision the whole part counts", () => {
  expect(root(`,"revision":9.9`)?.identity.authRevision).toBe(9);
});

test.each(["", "{", "null", "5", "[]", '\ufeff{"username":"root","revision":7}'])(
  "nobody is named by %j",
  (text) => {
    expect(read(text)).toBeUndefined();
  },
);
