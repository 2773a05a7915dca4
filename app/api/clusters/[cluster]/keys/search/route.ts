import { rangeOfPrefix } from "@/lib/etcd/children.ts";
import { range } from "@/lib/etcd/kv.ts";
import { readDespite } from "@/lib/etcd/leaderless.ts";
import { keyAfter } from "@/lib/etcd/level-walk.ts";
import { route } from "@/lib/http/handler.ts";
import { bytesOfUrl, keyMeta, revisionOf } from "@/lib/http/key-json.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import { SearchQuery, type SearchReply } from "@/lib/schema/keys.ts";

export const dynamic = "force-dynamic";

export const GET = route({ query: SearchQuery }, async ({ client, query, signal }) => {
  const { key, rangeEnd } = rangeOfPrefix(bytesOfUrl(query.prefix));
  const start = query.cursor === undefined ? key : keyAfter(bytesOfUrl(query.cursor));
  const revision = revisionOf(query.revision);
  const { found, isStale } = await readDespite(({ serializable }) => {
    const question = { rangeEnd, revision, serializable };
    return Promise.all([
      range(client, { ...question, key: start, keysOnly: true, limit: query.limit }, { signal }),
      query.cursor === undefined
        ? undefined
        : range(client, { ...question, key, countOnly: true }, { signal }),
    ]);
  });
  const [page, total] = found;
  return jsonReply({
    revision: query.revision ?? String(page.revision),
    onlyMember: isStale ? String(page.header?.memberId ?? 0n) : null,
    count: total?.count ?? page.count,
    keys: page.kvs.map((record) => keyMeta(record, null)),
    cursor: page.more ? (page.kvs.at(-1)?.key.toString("base64url") ?? null) : null,
  } satisfies SearchReply);
});
