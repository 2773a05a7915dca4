// Addresses of pages: readable, complete, and the same for everyone they are sent to.

import { formatKey } from "./key-text.ts";
import { rangeParams, type WatchRange } from "./watch-range.ts";

export interface KeysAddress {
  readonly cluster: string;
  /** The open key, or the open folder. */
  readonly key?: Uint8Array | undefined;
  readonly folder?: Uint8Array | undefined;
  /** Left out when it is "/". */
  readonly separator?: Uint8Array | undefined;
  /** Look at the past; left out for the present. */
  readonly revision?: string | undefined;
}

export const DEFAULT_SEPARATOR = "/";

export function keysHref(address: KeysAddress): string {
  const params = new URLSearchParams({ cluster: address.cluster });
  if (address.separator !== undefined) {
    const separator = formatKey(address.separator);
    if (separator !== DEFAULT_SEPARATOR) params.set("separator", separator);
  }
  if (address.revision !== undefined) params.set("revision", address.revision);
  if (address.folder !== undefined) params.set("folder", formatKey(address.folder));
  if (address.key !== undefined) params.set("key", formatKey(address.key));
  return `/keys?${readable(params)}`;
}

export interface WatchAddress {
  readonly cluster: string;
  readonly range?: WatchRange | undefined;
  readonly revision?: string | undefined;
  readonly only?: "put" | "delete" | undefined;
}

export function watchHref(address: WatchAddress): string {
  const params = new URLSearchParams({ cluster: address.cluster });
  const named = address.range === undefined ? {} : rangeParams(address.range);
  for (const [name, text] of Object.entries(named)) params.set(name, text);
  if (address.revision !== undefined) params.set("revision", address.revision);
  if (address.only !== undefined) params.set("only", address.only);
  return `/watch?${readable(params)}`;
}

/** Slashes and colons may stand unescaped in a query, and keys are full of them. */
function readable(params: URLSearchParams): string {
  return params.toString().replaceAll("%2F", "/").replaceAll("%3A", ":");
}
