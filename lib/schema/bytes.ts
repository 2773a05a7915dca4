// Bytes and 64-bit numbers in JSON. Keys and values are any bytes, so they travel as base64 in
// bodies and as base64url (no padding) in URLs; ids and revisions are decimal strings, because a
// JSON number loses precision beyond 2^53. Everything here runs in the browser and on the server.
import "./without-eval.ts";
import * as z from "zod";

/** Bytes in a body: base64 with padding, "" for none. */
export const Base64 = z.base64().or(z.literal(""));
export type Base64 = string;

/** Bytes in a URL: base64url without padding, "" for none. */
export const Base64Url = z.string().regex(/^[A-Za-z0-9_-]*$/, "not base64url");
export type Base64Url = string;

/** A revision or an id: decimal, unsigned 64 bits. */
export const Decimal = z
  .string()
  .regex(/^(0|[1-9]\d{0,19})$/, { error: "not a decimal number", abort: true })
  .refine((text) => BigInt(text) <= 0xffff_ffff_ffff_ffffn, "larger than 64 bits");
export type Decimal = string;

/** A lease id is a signed 64-bit number in etcd. */
export const SignedDecimal = z
  .string()
  .regex(/^-?(0|[1-9]\d{0,18})$/, { error: "not a decimal number", abort: true })
  .refine((text) => BigInt.asIntN(64, BigInt(text)) === BigInt(text), "larger than 64 bits");

const CHUNK_BYTES = 0x8000;

export function encodeBase64(bytes: Uint8Array): Base64 {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}

/** Throws on text that is not base64. */
export function decodeBase64(text: Base64): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

export function encodeBase64Url(bytes: Uint8Array): Base64Url {
  return toBase64Url(encodeBase64(bytes));
}

export function decodeBase64Url(text: Base64Url): Uint8Array<ArrayBuffer> {
  return decodeBase64(fromBase64Url(text));
}

export function toBase64Url(text: Base64): Base64Url {
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function fromBase64Url(text: Base64Url): Base64 {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return plain + "=".repeat((4 - (plain.length % 4)) % 4);
}

/** Member, cluster and lease ids as etcd prints them: hex, lower case, no padding. */
export function hexOfDecimal(decimal: string): string {
  return BigInt.asUintN(64, BigInt(decimal)).toString(16);
}
