// Values to and from files, byte for byte.

import { formatKey } from "./key-text.ts";

const NAME_CHARACTERS_MAX = 120;

/** The last part of the key, as a name that every file system takes. */
export function fileNameOf(key: Uint8Array): string {
  const parts = formatKey(key).split("/");
  const last = parts.findLast((part) => part !== "") ?? "";
  const safe = last
    .replace(/[^A-Za-z0-9._-]+/g, "_")
    .replace(/^[._]+/, "")
    .slice(0, NAME_CHARACTERS_MAX);
  return safe === "" ? "value" : safe;
}

/** Hands the bytes to the browser's own "save as"; they never become a page. */
export function saveFile(name: string, bytes: Uint8Array): void {
  const type = "application/octet-stream";
  const address = URL.createObjectURL(new Blob([Uint8Array.from(bytes)], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

/** Resolves with undefined when the file is larger than `bytesMax`, of which nothing is read. */
export async function readFile(file: File, bytesMax: number): Promise<Uint8Array | undefined> {
  return file.size > bytesMax ? undefined : new Uint8Array(await file.arrayBuffer());
}
