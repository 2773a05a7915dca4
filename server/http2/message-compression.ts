import { gunzipSync } from "node:zlib";
import { Status } from "../errors.ts";

export type Decompressed =
  | { readonly bytes: Buffer }
  | { readonly status: Status; readonly text: string };

/** Message encodings that requests may have; answers are never compressed. */
export function isKnownEncoding(encoding: string | undefined): boolean {
  return encoding === undefined || encoding === "identity" || encoding === "gzip";
}

/** Gzip, stopped as soon as more comes out than a message may have. */
export function decompressMessage(compressed: Buffer, bytesMax: number): Decompressed {
  try {
    return { bytes: gunzipSync(compressed, { maxOutputLength: bytesMax }) };
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException;
    if (error.code === "ERR_BUFFER_TOO_LARGE") {
      const sizes = `${bytesMax + 1} vs. ${bytesMax}`;
      const text = `grpc: received message after decompression larger than max (${sizes})`;
      return { status: Status.RESOURCE_EXHAUSTED, text };
    }
    const text = `grpc: failed to decompress the received message: ${error.message}`;
    return { status: Status.INTERNAL, text };
  }
}
