import type { HttpAnswer } from "../harness/http-client.ts";

/** What two members say differently though they behave alike: who and where they are, and sizes. */
const OWN_FIELDS = new Set(
  (
    "cluster_id member_id raft_term dbSize dbSizeInUse raftIndex raftTerm raftAppliedIndex leader " +
    "hash name peerURLs clientURLs token"
  ).split(" "),
);
/** What only 3.6 and ours send. */
const ADDED_FIELDS = new Set(["dbSizeQuota", "storageVersion", "downgradeInfo", "hash_revision"]);
/** Of lists of members; elsewhere an ID is what the client gave. */
const MEMBER_LISTS = new Set(["members", "member"]);
const HEADERS = [
  "connection",
  "content-type",
  "grpc-metadata-content-type",
  "allow",
  "location",
  "x-content-type-options",
  "access-control-allow-origin",
  "access-control-allow-methods",
  "access-control-allow-headers",
] as const;

export interface AnswerForm {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

/** An answer with everything blanked that two members may say differently. */
export function answerForm({ status, headers, body }: HttpAnswer): AnswerForm {
  const shown = HEADERS.map((name) => [name, headers[name]?.toString()] as const);
  return { status, headers: Object.fromEntries(shown), body: bodyForm(body) };
}

function bodyForm(body: string): unknown {
  // Checks are listed in no certain order.
  if (!body.startsWith("{")) return body.split("\n").toSorted();
  return body
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => plain(JSON.parse(line) as unknown, ""));
}

function plain(value: unknown, within: string): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, within));
  if (typeof value === "string") return value.replace("\u00a0", " ");
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(
    ([name]) => !ADDED_FIELDS.has(name) && !isErrorOfOtherVersion(name, value),
  );
  return Object.fromEntries(
    entries.map(([name, inner]): [string, unknown] => {
      if (OWN_FIELDS.has(name) && !(name === "name" && within === "kv")) return [name, "…"];
      if (name === "ID" && MEMBER_LISTS.has(within)) return [name, "…"];
      return [name, plain(inner, name)];
    }),
  );
}

/** Ours speak of an error with the names of etcd 3.5 and 3.6, Debian's etcd 3.5 with 3.6's alone. */
function isErrorOfOtherVersion(name: string, { code }: { code?: unknown }): boolean {
  if (code === undefined) return false;
  return ["error", "grpc_code", "http_code", "http_status"].includes(name);
}
