import { timeToLive } from "@/lib/etcd/lease.ts";
import { route } from "@/lib/http/handler.ts";
import { Problem } from "@/lib/http/problem.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import { parseInput } from "@/lib/http/request-input.ts";
import { SignedDecimal } from "@/lib/schema/bytes.ts";
import type { LeaseReply } from "@/lib/schema/leases.ts";

export const dynamic = "force-dynamic";

export const GET = route({ isBackground: true }, async ({ client, params }) => {
  const id = parseInput(SignedDecimal, params["lease"], "lease");
  const lease = await timeToLive(client, BigInt(id));
  if (lease === undefined) throw new Problem("not-found", "the lease has expired or was revoked");
  const { ttlSeconds, grantedTtlSeconds, keys, revision } = lease;
  return jsonReply({
    id,
    ttlSeconds,
    grantedTtlSeconds,
    keyCount: keys?.length ?? null,
    revision: String(revision),
  } satisfies LeaseReply);
});
