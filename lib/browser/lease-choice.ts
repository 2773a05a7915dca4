// What a new key hangs on, as it is written in a form: nothing, a lease that is there, or one of its
// own. Lease ids are written as etcdctl prints them, in hex.

import { LEASE_TTL_MAX_SECONDS } from "../schema/leases.ts";
import { formatCount } from "./format.ts";

export type LeaseChoice =
  | { readonly kind: "none" }
  /** `id` in decimal, as all ids are outside of what people read. */
  | { readonly kind: "existing"; readonly id: string }
  | { readonly kind: "new"; readonly ttlSeconds: number };

export interface LeaseFields {
  readonly kind: LeaseChoice["kind"];
  /** Hex. */
  readonly id: string;
  readonly seconds: string;
}

export const NO_LEASE: LeaseFields = { kind: "none", id: "", seconds: "" };

export type ParsedLease =
  | { readonly ok: true; readonly lease: LeaseChoice }
  /** `error` null: nothing is written yet. */
  | { readonly ok: false; readonly error: string | null };

export function parseLease({ kind, id, seconds }: LeaseFields): ParsedLease {
  if (kind === "none") return { ok: true, lease: { kind } };
  return kind === "existing" ? parseLeaseId(id.trim()) : parseSeconds(seconds.trim());
}

function parseLeaseId(text: string): ParsedLease {
  if (text === "") return { ok: false, error: null };
  const digits = /^(?:0x)?0*([0-9a-f]{1,16})$/i.exec(text)?.[1];
  if (digits === undefined || digits === "0") {
    return { ok: false, error: "A lease id is up to 16 hexadecimal digits, as etcdctl prints it." };
  }
  const id = String(BigInt.asIntN(64, BigInt(`0x${digits}`)));
  return { ok: true, lease: { kind: "existing", id } };
}

function parseSeconds(text: string): ParsedLease {
  if (text === "") return { ok: false, error: null };
  const ttlSeconds = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(ttlSeconds >= 1 && ttlSeconds <= LEASE_TTL_MAX_SECONDS)) {
    const most = formatCount(LEASE_TTL_MAX_SECONDS);
    return { ok: false, error: `Write whole seconds, from 1 to ${most}.` };
  }
  return { ok: true, lease: { kind: "new", ttlSeconds } };
}
