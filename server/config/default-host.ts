import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Note } from "./given.ts";

const ROUTES = "/proc/net/route";
const DEFAULT_DESTINATION = "00000000";

/**
 * The address of this machine on the way to everywhere else, which is told to others when this
 * member listens on all addresses and nobody said which one is meant.
 */
export function defaultHost(): string | undefined {
  const name = interfaceOfDefaultRoute();
  if (name === undefined) return undefined;
  const addresses = networkInterfaces()[name] ?? [];
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

/** What is said where this machine's address was looked for. @param host `undefined`: none found */
export function noteOnHost(host: string | undefined): Note {
  if (host !== undefined) {
    return { level: "info", message: "detected default host for advertise", fields: { host } };
  }
  const error = "could not find default route";
  return { level: "info", message: "failed to detect default host", fields: { error } };
}

function interfaceOfDefaultRoute(): string | undefined {
  let table: string;
  try {
    table = readFileSync(ROUTES, "utf8");
  } catch {
    return undefined; // Not on this system: nothing is replaced.
  }
  const rows = table.split("\n").map((line) => line.split("\t"));
  return rows.find(([, destination]) => destination === DEFAULT_DESTINATION)?.[0];
}
