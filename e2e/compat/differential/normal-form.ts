import { createHash } from "node:crypto";

// Answers in a form in which two servers that behave alike say the same. Ids that servers choose
// become names; what depends on time, or on how a server stores things, becomes "…" where it is
// there at all, so that a field that is missing or zero still differs.

/** Names for the ids, addresses and texts of one server. */
export interface Names {
  readonly ids: ReadonlyMap<bigint, string>;
  readonly texts: ReadonlyMap<string, string>;
}

const VOLATILE: Readonly<Record<string, ReadonlySet<string>>> = {
  "*": new Set(["raftTerm"]),
  "Lease/LeaseTimeToLive": new Set(["TTL"]),
  "Maintenance/Hash": new Set(["hash"]),
  "Maintenance/Status": new Set([
    "version",
    "dbSize",
    "dbSizeInUse",
    "raftIndex",
    "raftAppliedIndex",
  ]),
};

/** etcd lists them in no defined order. */
const UNORDERED = new Set(["keys", "leases", "alarms", "members", "errors"]);

/** Longer bytes are shown by what they begin with, their length and hash. */
const SHOWN_BYTES_MAX = 4_000;

/** `call` names the call that was answered, or is empty. */
export function normalForm(value: unknown, call: string, names: Names): string {
  return JSON.stringify(plain(value, { volatile: VOLATILE[call], names }));
}

interface Form {
  readonly volatile: ReadonlySet<string> | undefined;
  readonly names: Names;
}

function plain(value: unknown, form: Form): unknown {
  if (typeof value === "bigint") return form.names.ids.get(value) ?? `#${value}`;
  if (typeof value === "string") return namedText(value, form.names.texts);
  if (value instanceof Uint8Array) return namedBytes(Buffer.from(value));
  if (Array.isArray(value)) return value.map((item) => plain(item, form));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([field, inner]): [string, unknown] => [field, plainField(field, inner, form)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function plainField(field: string, value: unknown, form: Form): unknown {
  const isVolatile = form.volatile?.has(field) || VOLATILE["*"]?.has(field);
  if (isVolatile && isPresent(value)) return "…";
  const shown = plain(value, form);
  if (!UNORDERED.has(field) || !Array.isArray(shown)) return shown;
  return shown
    .map((item) => JSON.stringify(item))
    .sort()
    .map((item) => JSON.parse(item) as unknown);
}

function isPresent(value: unknown): boolean {
  return typeof value === "number" ? value > 0 : value !== "" && value !== 0n;
}

function namedBytes(bytes: Buffer): string {
  if (bytes.length <= SHOWN_BYTES_MAX) return `x${bytes.toString("hex")}`;
  const hash = createHash("sha256").update(bytes).digest("hex");
  return `x${bytes.toString("hex", 0, 16)}… ${bytes.length} bytes, SHA-256 ${hash}`;
}

function namedText(text: string, texts: ReadonlyMap<string, string>): string {
  let named = text;
  for (const [own, name] of texts) named = named.replaceAll(own, name);
  return named;
}
