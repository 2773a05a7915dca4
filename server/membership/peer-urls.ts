import { isPeerUrl } from "../base/peer-url.ts";

/**
 * URLs under which members reach each other, trimmed and sorted; `undefined` when one of them is
 * none or the list is empty. A URL that etcd cannot read would end its process, so this stands
 * before every proposal.
 */
export function parsePeerUrls(urls: readonly string[]): string[] | undefined {
  const trimmed = urls.map((url) => url.trim());
  if (trimmed.length === 0 || !trimmed.every(isPeerUrl)) return undefined;
  return trimmed.sort();
}
