// PutRequest by hand: it is most of what a busy cluster's log holds, and generated code would spend
// more time on it than everything else in applying one.
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { PutRequest } from "../proto/gen/rpc.ts";
import { bytesFieldSize, uint64Size, WireReader } from "../proto/wire.ts";

const KEY = 0x0a;
const VALUE = 0x12;
const LEASE = 0x18;
const PREV_KV = 0x20;
const IGNORE_VALUE = 0x28;
const IGNORE_LEASE = 0x30;
const FIELD_MAX = IGNORE_LEASE >>> 3;

/**
 * Key and value are views of `bytes`.
 * @throws WireError
 */
export function decodePut(bytes: Buffer): PutRequest {
  const request: PutRequest = {
    key: EMPTY_BYTES,
    value: EMPTY_BYTES,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
  const reader = new WireReader(bytes);
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === KEY) request.key = reader.bytes();
    else if (tag === VALUE) request.value = reader.bytes();
    else if (tag === LEASE) request.lease = BigInt.asIntN(64, reader.uint64());
    else if (tag === PREV_KV) request.prevKv = reader.bool();
    else if (tag === IGNORE_VALUE) request.ignoreValue = reader.bool();
    else if (tag === IGNORE_LEASE) request.ignoreLease = reader.bool();
    else reader.skipUnknown(tag, FIELD_MAX);
  }
  return request;
}

/**
 * Whether `bytes` hold nothing but what `request` says, so that they may go into the log as they
 * are: a member of another make could read anything further differently, or not at all.
 */
export function isExactPut(request: PutRequest, bytes: Buffer): boolean {
  let size = 0;
  if (request.key.length > 0) size += bytesFieldSize(1, request.key.length);
  if (request.value.length > 0) size += bytesFieldSize(1, request.value.length);
  if (request.lease !== 0n) size += 1 + uint64Size(BigInt.asUintN(64, request.lease));
  if (request.prevKv) size += 2;
  if (request.ignoreValue) size += 2;
  if (request.ignoreLease) size += 2;
  return size === bytes.length;
}
