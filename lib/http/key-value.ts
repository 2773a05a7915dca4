// One key: read, saved, created, deleted. The ETag is the mod revision, and every write names the
// one that it was made for.
import { create, deleteIfUnchanged, get, type KeyRecord, putIfUnchanged } from "../etcd/kv.ts";
import { readDespite } from "../etcd/leaderless.ts";
import { createWithTtl } from "../etcd/leased-key.ts";
import type {
  CreateRequest,
  DeleteReply,
  SaveReply,
  SaveRequest,
  ValueQuery,
  ValueReply,
} from "../schema/keys.ts";
import type { RouteInput } from "./handler.ts";
import { bytesOfUrl, keyMeta, keyValue, modified, refuseOversize, revisionOf } from "./key-json.ts";
import { Problem } from "./problem.ts";
import { jsonReply } from "./reply.ts";
import { ifMatchRevision } from "./request-input.ts";

export async function readKey(input: RouteInput<ValueQuery, unknown>): Promise<Response> {
  const { client, query } = input;
  const at = revisionOf(query.revision);
  const { found, isStale } = await readDespite(({ serializable }) =>
    get(client, bytesOfUrl(query.key), { revision: at, serializable }),
  );
  const { kv } = found;
  const revision = String(found.revision);
  const onlyMember = isStale ? String(found.memberId) : null;
  if (kv === undefined) {
    throw new Problem("not-found", "there is no such key", { detail: { revision, onlyMember } });
  }
  const reply: ValueReply = { revision, onlyMember, kv: keyValue(kv) };
  return jsonReply(reply, { headers: { etag: `"${kv.modRevision}"` } });
}

export async function saveKey(input: RouteInput<ValueQuery, SaveRequest>): Promise<Response> {
  const { client, query, body, request } = input;
  const modRevision = ifMatchRevision(request);
  const key = bytesOfUrl(query.key);
  const value = Buffer.from(body.value, "base64");
  refuseOversize(key, value);
  const lease = body.lease === undefined ? undefined : BigInt(body.lease);
  const outcome = await putIfUnchanged(client, { key, value, modRevision, lease });
  if (!outcome.done) throw modified(outcome.current);
  return saved(outcome.kv, outcome.revision, 200);
}

export async function createKey(input: RouteInput<unknown, CreateRequest>): Promise<Response> {
  const { client, body } = input;
  const key = Buffer.from(body.key, "base64");
  const value = Buffer.from(body.value, "base64");
  refuseOversize(key, value);
  const { lease, ttlSeconds } = body;
  const outcome = await (ttlSeconds === undefined
    ? create(client, { key, value, lease: lease === undefined ? undefined : BigInt(lease) })
    : createWithTtl(client, { key, value, ttlSeconds }));
  if (outcome.done) return saved(outcome.kv, outcome.revision, 201);
  const detail = { current: outcome.current === undefined ? null : keyValue(outcome.current) };
  throw new Problem("exists", "there is such a key already", { detail });
}

export async function deleteKey(input: RouteInput<ValueQuery, unknown>): Promise<Response> {
  const { client, query, request } = input;
  const modRevision = ifMatchRevision(request);
  const outcome = await deleteIfUnchanged(client, { key: bytesOfUrl(query.key), modRevision });
  if (!outcome.done) throw modified(outcome.current);
  const reply: DeleteReply = { revision: String(outcome.revision) };
  return jsonReply(reply);
}

function saved(kv: KeyRecord | undefined, revision: number, status: number): Response {
  if (kv === undefined) throw new TypeError("a transaction did not read what it wrote");
  const reply: SaveReply = { revision: String(revision), kv: keyMeta(kv, kv.value.length) };
  return jsonReply(reply, { status, headers: { etag: `"${kv.modRevision}"` } });
}
