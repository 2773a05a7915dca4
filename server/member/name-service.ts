import { lookup, Resolver } from "node:dns/promises";
import type { Clock } from "../base/clock.ts";
import type { LookUp } from "../replica/resolved-urls.ts";

const LOOK_UP_LIMIT_MS = 30_000;
const RETRY_MS = 1000;
const DNS_PORT = 53;

export interface ServiceRecord {
  /** The name of a host, without the dot at its end. */
  readonly host: string;
  readonly port: number;
}

/** Who knows the addresses of names. */
export interface NameService {
  readonly lookUp: LookUp;
  /**
   * The SRV records of e.g. `_etcd-server._tcp.example.org`, by priority.
   * @throws Error in the words of etcd's resolver, when there are none
   */
  readonly services: (name: string) => Promise<readonly ServiceRecord[]>;
}

/** This system's. Where a host has no address yet, it is asked for again, for half a minute. */
export function systemNames(clock: Clock, resolver: Resolver = new Resolver()): NameService {
  const lookUp: LookUp = async (host) => {
    const deadlineMs = clock.monotonic() + LOOK_UP_LIMIT_MS;
    for (;;) {
      try {
        return (await lookup(host)).address;
      } catch {
        if (clock.monotonic() + RETRY_MS > deadlineMs) return undefined;
      }
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
  };
  const services = async (name: string) => {
    const records = await resolver.resolveSrv(name).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`lookup ${name} on ${serverOf(resolver)}: ${reasonOf(error)}`);
    });
    records.sort((a, b) => a.priority - b.priority || b.weight - a.weight);
    return records.map(({ name: host, port }) => ({ host: host.replace(/\.$/, ""), port }));
  };
  return { lookUp, services };
}

/** With its port. */
function serverOf(resolver: Resolver): string {
  const [server = "no server"] = resolver.getServers();
  if (server.includes("]:") || /^[^:]*:\d+$/.test(server)) return server;
  return server.includes(":") ? `[${server}]:${DNS_PORT}` : `${server}:${DNS_PORT}`;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOTFOUND" || code === "ENODATA") return "no such host";
  if (code === "ESERVFAIL" || code === "EREFUSED") return "server misbehaving";
  return code === "ETIMEOUT" ? "i/o timeout" : message;
}
