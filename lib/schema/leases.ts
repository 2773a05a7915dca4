import { Decimal, SignedDecimal } from "./bytes.ts";
import "./without-eval.ts";
import * as z from "zod";

/** GET /api/clusters/[cluster]/leases/[lease]: the id in decimal. 404 when it is gone. */
export const LeaseReply = z.object({
  id: SignedDecimal,
  /** Whole seconds left. */
  ttlSeconds: z.number(),
  grantedTtlSeconds: z.number(),
  /** How many keys hang on it. */
  keyCount: z.number(),
  revision: Decimal,
});
export type LeaseReply = z.infer<typeof LeaseReply>;
