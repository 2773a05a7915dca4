import { readDespite } from "@/lib/etcd/leaderless.ts";
import { summarize } from "@/lib/etcd/prefix-summary.ts";
import { route } from "@/lib/http/handler.ts";
import { bytesOfUrl, keyMeta, revisionOf } from "@/lib/http/key-json.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import { SummaryQuery, type SummaryReply } from "@/lib/schema/keys.ts";

export const dynamic = "force-dynamic";

export const GET = route({ query: SummaryQuery }, async ({ client, query, signal }) => {
  const asked = { prefix: bytesOfUrl(query.prefix), revision: revisionOf(query.revision), signal };
  const { found, isStale } = await readDespite((options) =>
    summarize(client, { ...asked, ...options }),
  );
  const { revision, memberId, recent, oldest, largest, ...figures } = found;
  return jsonReply({
    ...figures,
    revision: String(revision),
    onlyMember: isStale ? String(memberId) : null,
    recent: recent.map((record) => keyMeta(record, null)),
    oldest: oldest === undefined ? null : keyMeta(oldest, null),
    largest: largest.map(({ record, sizeBytes }) => keyMeta(record, sizeBytes)),
  } satisfies SummaryReply);
});
