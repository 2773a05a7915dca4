// URLs as etcd takes them, and what they say about where to listen and whom to reach.
import { urlProblem } from "../base/url-problem.ts";

const PORT_MAX = 65_535;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/**
 * A comma-separated list of URLs as etcd takes it: scheme and host:port, no path; sorted.
 * @throws Error with Go's or etcd's text
 */
export function parseUrls(text: string): string[] {
  const urls = text.split(",").map((url) => parseUrl(url.trim()));
  return [...new Set(urls)].sort();
}

/** @throws Error with Go's or etcd's text */
function parseUrl(text: string): string {
  const match = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?([^]*)$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? "";
  const authority = match?.[2] ?? "";
  const problem = urlProblem(text);
  if (problem !== undefined) throw new Error(problem);
  if (scheme === "unix" || scheme === "unixs") return scheme + text.slice(scheme.length);
  if (scheme !== "http" && scheme !== "https") {
    throw new Error(`URL scheme must be http, https, unix, or unixs: ${text}`);
  }
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (!/^(\[[^\]]*\]|[^:[\]]*):\d*$/.test(host)) {
    throw new Error(`URL address does not have the form "host:port": ${text}`);
  }
  if ((match?.[3] ?? "") !== "") throw new Error(`URL must not contain a path: ${text}`);
  return `${scheme}://${authority}`;
}

export interface Address {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** Where to listen, or whom to reach. @param url from `parseUrls`, not of a Unix socket */
export function addressOf(url: string): Address {
  const place = url.slice(url.indexOf("://") + 3);
  const authority = place.slice(place.lastIndexOf("@") + 1);
  const colon = authority.lastIndexOf(":");
  const host = authority.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(authority.slice(colon + 1)) };
}

export function isUnixSocket(url: string): boolean {
  return url.startsWith("unix");
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port <= PORT_MAX;
}

/** A listener's host must be an address, or `localhost`. */
export function isBindable(url: string): boolean {
  if (isUnixSocket(url)) return true;
  const { host } = addressOf(url);
  return host === "localhost" || IPV4.test(host) || isIpv6(host);
}

/** As Go judges it: a zone is no part of an address. */
function isIpv6(host: string): boolean {
  return host.includes(":") && URL.canParse(`http://[${host}]`);
}
