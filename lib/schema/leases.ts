import { Decimal, SignedDecimal } from "./bytes.ts";
import "./without-eval.ts";
import * as z from "zod";

/** etcd grants none longer than this; shorter ones than its election timeout it lengthens. */
export const LEASE_TTL_MAX_SECONDS = 9_000_000_000;
/** What a lease is asked for with. */
export const TtlSeconds = z.number().int().min(1).max(LEASE_TTL_MAX_SECONDS);

/** GET /api/clusters/[cluster]/leases/[lease]: the id in decimal. 404 when it is gone. */
export const LeaseReply = z.object({
  id: SignedDecimal,
  /** Whole seconds left. */
  ttlSeconds: z.number(),
  grantedTtlSeconds: z.number(),
  /** How many keys hang on it; null where etcd does not let the console know. */
  keyCount: z.number().nullable(),
  revision: Decimal,
});
export type LeaseReply = z.infer<typeof LeaseReply>;
