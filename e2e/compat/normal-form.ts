import type { RpcOutcome } from "../harness/rpc-client.ts";

/** What may differ between two servers that behave alike: their ids, terms and running clocks. */
const HEADER_FIELDS = new Set(["clusterId", "memberId", "raftTerm"]);

/** An outcome as comparable text: bytes in hex, bigints in decimal, volatile fields blanked. */
export function normalForm(kind: string, outcome: RpcOutcome<unknown>): string {
  return JSON.stringify(
    plain(outcome, (field, value) => {
      if (HEADER_FIELDS.has(field)) return "…";
      if (kind === "leaseTimeToLive" && field === "TTL") return (value as number) > 0 ? "…" : value;
      return value;
    }),
  );
}

type Blank = (field: string, value: unknown) => unknown;

function plain(value: unknown, blank: Blank): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map((item) => plain(item, blank));
  if (value === null || typeof value !== "object") return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const entries = fields.map(([field, inner]): [string, unknown] => {
    const sorted = field === "keys" || field === "leases" ? sortedItems(inner) : inner;
    return [field, plain(blank(field, sorted), blank)];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** etcd lists a lease's keys and all leases in no defined order. */
function sortedItems(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.toSorted((a, b) => compareText(JSON.stringify(a, show), JSON.stringify(b, show)));
}

function show(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
