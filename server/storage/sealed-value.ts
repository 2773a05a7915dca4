// The engine's file has no checksums of its own, so every stored value carries one:
//
//     value │ CRC-32C of key, then value (4 bytes, little endian)
//
// The key is part of it: a flipped key would otherwise be a valid record in another place.

import { crc32c } from "../base/crc32c.ts";

export const SEAL_BYTES = 4;

/** Fills in the last `SEAL_BYTES` of `sealed`; the value stands before them. */
export function seal(key: Uint8Array, sealed: Buffer): void {
  const end = sealed.length - SEAL_BYTES;
  sealed.writeUInt32LE(crc32c(sealed.subarray(0, end), crc32c(key)), end);
}

/** A copy of the value, or undefined if the seal does not fit. */
export function openSealed(key: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const length = sealed.length - SEAL_BYTES;
  if (length < 0) return undefined;
  const copy = Buffer.allocUnsafe(length);
  copy.set(sealed.subarray(0, length));
  const seal =
    ((sealed[length] as number) |
      ((sealed[length + 1] as number) << 8) |
      ((sealed[length + 2] as number) << 16) |
      ((sealed[length + 3] as number) << 24)) >>>
    0;
  return crc32c(copy, crc32c(key)) === seal ? copy : undefined;
}
