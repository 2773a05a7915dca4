// Who a new member is told to be in a cluster with: `--initial-cluster`, checked as etcd checks it.
import { readPeerUrl } from "../base/peer-url.ts";
import { urlProblem } from "../base/url-problem.ts";
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
    const given = equals < 0 ? "" : part.slice(equals + 1).trim();
    const url = readPeerUrl(given);
    if (url === undefined) {
      const problem = urlProblem(given) ?? `${ruleBrokenBy(given)}: ${given}`;
      throw new BootstrapError(`error setting up initial cluster: ${problem}`);
    }
    cluster.set(name, [...(cluster.get(name) ?? []), url].sort());
  }
  return cluster;
}

function ruleBrokenBy(url: string): string {
  if (!/^(https?|unixs?):\/\//i.test(url)) return "URL scheme must be http, https, unix, or unixs";
  const [, host = "", rest = ""] = /^\w+:\/\/([^/]*)(.*)$/s.exec(url) ?? [];
  const isPath = rest !== "" && readPeerUrl(`http://${host}`) !== undefined;
  return isPath ? "URL must not contain a path" : 'URL address does not have the form "host:port"';
}

/** @throws BootstrapError */
export function checkInitialCluster(
  cluster: InitialCluster,
  local: { readonly name: string; readonly peerUrls: readonly string[] },
  spelling: Spelling = PLAIN_SPELLING,
): void {
  const listed = cluster.get(local.name);
  if (listed === undefined) {
    const name = JSON.stringify(local.name);
    throw new BootstrapError(
      `couldn't find local name ${name} in the initial cluster configuration`,
    );
  }
  const difference = differenceOf(local.peerUrls, listed, spelling);
  if (difference !== undefined) throw contradiction(local, listed, difference);
  const all = [...cluster.values()].flat();
  if (new Set(all).size < all.length) {
    throw new BootstrapError(`initial cluster ${formatCluster(cluster)} has duplicate url`);
  }
}

/** In what two lists of the same addresses would not differ, as etcd says it. */
function differenceOf(
  left: readonly string[],
  right: readonly string[],
  spelling: Spelling,
): string | undefined {
  if (left.length !== right.length) return `len(${quoted(left)}) != len(${quoted(right)})`;
  if (isEqual([...left].sort(), [...right].sort())) return undefined;
  const ours = left.map(spelling).sort();
  const theirs = right.map(spelling).sort();
  const at = ours.findIndex((url, i) => url !== theirs[i]);
  if (at < 0) return undefined;
  return `resolved urls: ${JSON.stringify(ours[at])} != ${JSON.stringify(theirs[at])}`;
}

function contradiction(
  { name, peerUrls }: { readonly name: string; readonly peerUrls: readonly string[] },
  listed: readonly string[],
  difference: string,
): BootstrapError {
  const advertised = peerUrls.join(",");
  const named = (urls: readonly string[]) => urls.map((url) => `${name}=${url}`).join(",");
  const surplus = listed.filter((url) => !peerUrls.includes(url));
  if (surplus.length > 0) {
    return new BootstrapError(
      `--initial-cluster has ${named(surplus)} but missing from ` +
        `--initial-advertise-peer-urls=${advertised} (${difference})`,
    );
  }
  const unlisted = peerUrls.filter((url) => !listed.includes(url));
  if (unlisted.length > 0) {
    return new BootstrapError(
      `--initial-advertise-peer-urls has ${unlisted.join(",")} but missing from ` +
        `--initial-cluster=${named(peerUrls)}`,
    );
  }
  return new BootstrapError(
    `failed to resolve ${advertised} to match --initial-cluster=${named(peerUrls)} (${difference})`,
  );
}

/** Are these the same addresses? Order does not matter, nor how they are spelled. */
export function isSameUrls(
  left: readonly string[],
  right: readonly string[],
  spelling: Spelling = PLAIN_SPELLING,
): boolean {
  return differenceOf(left, right, spelling) === undefined;
}

function isEqual(left: readonly string[], right: readonly string[]): boolean {
  return left.every((url, i) => url === right[i]);
}

/** As Go prints a list of texts. */
function quoted(urls: readonly string[]): string {
  return `[${urls.map((url) => JSON.stringify(url)).join(" ")}]`;
}

function formatCluster(cluster: InitialCluster): string {
  const parts = [...cluster].flatMap(([name, urls]) => urls.map((url) => `${name}=${url}`));
  return parts.sort().join(",");
}
