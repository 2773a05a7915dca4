interface RevivalContext {
  /** The number as it was written; absent for objects and lists. */
  readonly source?: string;
}

const parse = JSON.parse as (
  text: string,
  revive: (key: string, value: unknown, context: RevivalContext) => unknown,
) => unknown;

/**
 * JSON in which whole numbers beyond 2^53, such as etcd's ids, come out exact: as bigint. Half
 * pairs of UTF-16 come out as U+FFFD, as in Go.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  return parse(text, (_key, value, { source }) => {
    if (typeof value === "string") return value.toWellFormed();
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}

export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
