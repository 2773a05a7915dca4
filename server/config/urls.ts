const PORT_MAX = 65_535;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/**
 * A comma-separated list of URLs as etcd takes it: scheme and host:port, no path; sorted.
 * @throws Error with etcd's text
 */
export function parseUrls(text: string): string[] {
  const urls = text.split(",").map((url) => url.trim());
  if (urls.every((url) => url === "")) return [];
  return urls.map(checkUrl).sort();
}

/** @throws Error with etcd's text */
function checkUrl(text: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^]*)$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? "";
  if (!["http", "https", "unix", "unixs"].includes(scheme)) {
    throw new Error(`URL scheme must be http, https, unix, or unixs: ${text}`);
  }
  const host = match?.[2] ?? "";
  if (scheme.startsWith("unix")) return text;
  const isAuthority = /^(\[[\da-fA-F:.%]+\]|[^:[\]\s]*):\d{1,5}$/.test(host);
  if (!isAuthority || Number(host.slice(host.lastIndexOf(":") + 1)) > PORT_MAX) {
    throw new Error(`URL address does not have the form "host:port": ${text}`);
  }
  const path = match?.[3] ?? "";
  if (path !== "" && path !== "/") throw new Error(`URL must not contain a path: ${text}`);
  return path === "/" ? text.slice(0, -1) : text;
}

export interface Address {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** Where to listen, or whom to reach. @param url from `parseUrls`, not of a Unix socket */
export function addressOf(url: string): Address {
  const authority = url.slice(url.indexOf("://") + 3);
  const colon = authority.lastIndexOf(":");
  const host = authority.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(authority.slice(colon + 1)) };
}

/** Whether others can be told of this address: it names a host. */
export function isAdvertisable(url: string): boolean {
  return url.startsWith("unix") || addressOf(url).host !== "";
}

/** A listener's host must be an address, or `localhost`. */
export function isBindable(url: string): boolean {
  if (url.startsWith("unix")) return true;
  const { host } = addressOf(url);
  return host === "localhost" || IPV4.test(host) || host.includes(":");
}
