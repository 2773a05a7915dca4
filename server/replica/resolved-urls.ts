import { must } from "../base/assert.ts";

/** The address of a host; undefined when it has none. */
export type LookUp = (host: string) => Promise<string | undefined>;

/** How a URL is spelled with an address in place of a name. */
export type Spelling = (url: string) => string;

/** Without asking anybody. */
export const PLAIN_SPELLING: Spelling = (url) => url;

/** Where etcd compares members, localhost is itself alone, and no other name of loopback. */
export function exceptLoopback(lookUp: LookUp): LookUp {
  return (host) => (host === "localhost" ? Promise.resolve(undefined) : lookUp(host));
}

/**
 * Asks for the addresses of all hosts, each once. A host without one keeps its name.
 * @param urls as they are checked at the start: scheme, host and port
 */
export async function resolvedSpelling(urls: readonly string[], lookUp: LookUp): Promise<Spelling> {
  const hosts = [...new Set(urls.map(hostOf))];
  const found = await Promise.all(
    hosts.map(async (host) => [host, (await lookUp(host)) ?? host] as const),
  );
  const addresses = new Map(found);
  return (url) => {
    const host = hostOf(url);
    const address = must(addresses.get(host), "every host was asked for");
    const shown = address.includes(":") ? `[${address}]` : address;
    return `${url.slice(0, url.indexOf("://") + 3)}${shown}${url.slice(url.lastIndexOf(":"))}`;
  };
}

function hostOf(url: string): string {
  const authority = url.slice(url.indexOf("://") + 3);
  return authority.slice(0, authority.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
}
