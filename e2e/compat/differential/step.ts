// A history is a list of steps that can be played against any server. What is known only then (a
// revision, an id that the server chose) stands in it as a reference, so that the same history
// fits every server and can be kept in a file.

/**
 * `revision` counts from the history's start, `kept` from the revision that was compacted last;
 * `lease`, `member` and `leader` (of an election) from the first of their kind.
 */
export interface Ref {
  readonly ref: "revision" | "kept" | "lease" | "member" | "leader" | "self";
  readonly n: number;
}

/** A request as its fields: bytes, texts, numbers, bigints, references, lists and messages. */
export type Message = Readonly<Record<string, unknown>>;

/** Whose token goes with it, as `Tokens` knows them; none where this is missing. */
interface Asked {
  readonly as?: string;
}

export type Step = Asked &
  (
    | CallStep
    /** A watch under a number of the history's own. */
    | { readonly watch: number; readonly create: Message }
    | { readonly cancel: number }
    | { readonly keepAlive: bigint | Ref }
    /** An election by its name, until the history's end. */
    | { readonly observe: Buffer }
  );

/** A call by its name, such as "KV/Put". */
export interface CallStep extends Asked {
  readonly call: string;
  readonly request: Message;
}

export function isRef(value: unknown): value is Ref {
  return typeof value === "object" && value !== null && "ref" in value;
}

/** The fields with every reference replaced by what `known` says. */
export function resolved(value: unknown, known: (ref: Ref) => unknown): unknown {
  if (isRef(value)) return known(value);
  if (Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map((item) => resolved(item, known));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, resolved(inner, known)]),
  );
}

// In files: JSON in which the first letter of a text tells its kind.
//   "=a/\x00" bytes · "#-5" an integer of 64 bits · "@revision+3" a reference · "'m1" a text

export function formatHistory(steps: readonly Step[]): string {
  const lines = steps.map((step) => JSON.stringify(written(step)));
  return `[\n${lines.join(",\n")}\n]\n`;
}

/** Throws SyntaxError where the text is no history. */
export function parseHistory(text: string): Step[] {
  return (JSON.parse(text) as unknown[]).map((step) => read(step) as Step);
}

function written(value: unknown): unknown {
  if (typeof value === "bigint") return `#${value}`;
  if (typeof value === "string") return `'${value}`;
  if (Buffer.isBuffer(value)) return `=${formatBytes(value)}`;
  if (isRef(value)) return `@${value.ref}${value.n < 0 ? "" : "+"}${value.n}`;
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, written(inner)]));
}

function read(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(read);
  if (typeof value === "string") return readText(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, read(inner)]));
}

function readText(text: string): unknown {
  const rest = text.slice(1);
  switch (text[0]) {
    case "=":
      return parseBytes(rest);
    case "#":
      return BigInt(rest);
    case "'":
      return rest;
    case "@": {
      const [, ref, n] = /^([a-z]+)([+-]\d+)$/.exec(rest) ?? [];
      if (ref !== undefined) return { ref, n: Number(n) };
    }
  }
  throw new SyntaxError(`no value of a history: ${text}`);
}

function formatBytes(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/[^ -[\]-~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function parseBytes(text: string): Buffer {
  const unescaped = text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(unescaped, "latin1");
}
