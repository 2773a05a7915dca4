import { children } from "@/lib/etcd/children.ts";
import { readDespite } from "@/lib/etcd/leaderless.ts";
import { route } from "@/lib/http/handler.ts";
import { bytesOfUrl, childJson, cursorOf, positionOf, revisionOf } from "@/lib/http/key-json.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import { ChildrenQuery, type ChildrenReply } from "@/lib/schema/keys.ts";

export const dynamic = "force-dynamic";

export const GET = route({ query: ChildrenQuery }, async ({ client, query, signal }) => {
  const prefix = bytesOfUrl(query.prefix);
  const separator = bytesOfUrl(query.separator);
  const asked = {
    prefix,
    separator,
    revision: revisionOf(query.revision),
    after: query.cursor === undefined ? undefined : positionOf(query.cursor),
    from: query.from === undefined ? undefined : bytesOfUrl(query.from),
    limit: query.limit,
    signal,
  };
  const { found: page, isStale } = await readDespite((options) =>
    children(client, { ...asked, ...options }),
  );
  return jsonReply({
    revision: String(page.revision),
    onlyMember: isStale ? String(page.memberId) : null,
    count: page.count,
    children: page.children.map((child) => childJson(child, prefix, separator)),
    cursor: page.next === undefined ? null : cursorOf(page.next),
  } satisfies ChildrenReply);
});
