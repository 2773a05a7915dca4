import { rangeOfPrefix } from "@/lib/etcd/children.ts";
import { range } from "@/lib/etcd/kv.ts";
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
  const question = { rangeEnd, revision, keysOnly: true, limit: query.limit };
  const [page, total] = await Promise.all([
    range(client, { ...question, key: start }, { signal }),
    query.cursor === undefined
      ? undefined
      : range(client, { key, rangeEnd, revision, countOnly: true }, { signal }),
  ]);
  return jsonReply({
    revision: query.revision ?? String(page.revision),
    count: total?.count ?? page.count,
    keys: page.kvs.map((record) => keyMeta(record, null)),
    cursor: page.more ? (page.kvs.at(-1)?.key.toString("base64url") ?? null) : null,
  } satisfies SearchReply);
});
