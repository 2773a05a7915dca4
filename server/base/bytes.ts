export const EMPTY_BYTES: Buffer = Buffer.alloc(0);

/** Byte order, as etcd sorts keys. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** A view as Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The end of the range that holds exactly the keys starting with `prefix`: the last byte below 0xff
 * incremented, the rest cut. `undefined` when there is no end (empty prefix or all bytes 0xff).
 */
export function prefixEnd(prefix: Uint8Array): Buffer | undefined {
  for (let length = prefix.length; length > 0; length--) {
    const last = prefix[length - 1] ?? 0;
    if (last < 0xff) {
      const end = Buffer.from(prefix.subarray(0, length));
      end[length - 1] = last + 1;
      return end;
    }
  }
  return undefined;
}

export function hasPrefix(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && equalBytes(bytes.subarray(0, prefix.length), prefix);
}

/** 8 bytes, big endian. */
export function encodeUint64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
}

export function decodeUint64(bytes: Uint8Array): bigint {
  return asBuffer(bytes).readBigUInt64BE(0);
}

/** Member and cluster ids as etcd prints them: hex, lower case, no padding. */
export function hexId(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

/** Lease ids as etcd prints them: 16 digits. */
export function leaseIdText(id: bigint): string {
  return hexId(id).padStart(16, "0");
}
