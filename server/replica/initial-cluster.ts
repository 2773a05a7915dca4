// Who a new member is told to be in a cluster with: `--initial-cluster`, checked as etcd checks it.
import { isPeerUrl } from "../base/peer-url.ts";
import { PLAIN_SPELLING, type Spelling } from "./resolved-urls.ts";

/** A start that etcd refuses, with its text. */
export class BootstrapError extends Error {
  override readonly name = "BootstrapError";
}

/** Names and their peer URLs, sorted. */
export type InitialCluster = ReadonlyMap<string, readonly string[]>;

/**
 * `a=http://x:1,b=http://y:2`; a member with several URLs is named several times.
 * @throws BootstrapError
 */
export function parseInitialCluster(text: string): InitialCluster {
  const cluster = new Map<string, string[]>();
  for (const part of text.split(",").filter((piece) => piece !== "")) {
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    const url = equals < 0 ? "" : part.slice(equals + 1).trim();
    if (!isPeerUrl(url)) {
      const isScheme = /^(https?|unixs?):\/\//.test(url);
      const rule = isScheme
        ? 'URL address does not have the form "host:port"'
        : "URL scheme must be http, https, unix, or unixs";
      throw new BootstrapError(`${rule}: ${url}`);
    }
    cluster.set(name, [...(cluster.get(name) ?? []), url].sort());
  }
  return cluster;
}

/** @throws BootstrapError */
export function checkInitialCluster(
  cluster: InitialCluster,
  local: { readonly name: string; readonly peerUrls: readonly string[] },
  spelling: Spelling = PLAIN_SPELLING,
): void {
  if (cluster.size === 0) {
    throw new BootstrapError("initial cluster unset and no discovery URL found");
  }
  const listed = cluster.get(local.name);
  if (listed === undefined) {
    const name = JSON.stringify(local.name);
    throw new BootstrapError(
      `couldn't find local name ${name} in the initial cluster configuration`,
    );
  }
  const all = [...cluster.values()].flat().map(PLAIN_SPELLING);
  if (new Set(all).size < all.length) {
    throw new BootstrapError(`initial cluster ${formatCluster(cluster)} has duplicate url`);
  }
  const surplus = missingFrom(local.peerUrls, listed, spelling);
  if (surplus.length > 0) {
    const named = surplus.map((url) => `${local.name}=${url}`).join(",");
    throw new BootstrapError(
      `--initial-cluster has ${named} but missing from ` +
        `--initial-advertise-peer-urls=${local.peerUrls.join(",")}`,
    );
  }
  const unlisted = missingFrom(listed, local.peerUrls, spelling);
  if (unlisted.length > 0) {
    const own = formatCluster(new Map([[local.name, local.peerUrls]]));
    throw new BootstrapError(
      `--initial-advertise-peer-urls has ${unlisted.join(",")} but missing from ` +
        `--initial-cluster=${own}`,
    );
  }
}

/** Are these the same addresses? Order does not matter, nor how they are spelled. */
export function isSameUrls(
  left: readonly string[],
  right: readonly string[],
  spelling: Spelling = PLAIN_SPELLING,
): boolean {
  const isMissing = missingFrom(left, right, spelling).length > 0;
  return !isMissing && missingFrom(right, left, spelling).length === 0;
}

function missingFrom(
  known: readonly string[],
  urls: readonly string[],
  spelling: Spelling,
): string[] {
  const set = new Set(known.map(spelling));
  return urls.filter((url) => !set.has(spelling(url)));
}

function formatCluster(cluster: InitialCluster): string {
  const parts = [...cluster].flatMap(([name, urls]) => urls.map((url) => `${name}=${url}`));
  return parts.sort().join(",");
}
