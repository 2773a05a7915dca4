import { readPeerUrl } from "../base/peer-url.ts";

/**
 * URLs under which members reach each other, as Go reads them, sorted; `undefined` when one of them
 * is none or the list is empty. A URL that etcd cannot read would end its process, so this stands
 * before every proposal.
 */
export function parsePeerUrls(urls: readonly string[]): string[] | undefined {
  const read = urls.map(readPeerUrl).filter((url) => url !== undefined);
  return read.length === 0 || read.length < urls.length ? undefined : read.sort();
}
