/** The headers that somebody reads; others are not kept. */
export const METADATA_NAMES = [
  "authorization",
  "client-api-version",
  "grpcgateway-accept",
  "hasleader",
  "token",
] as const;
export type MetadataName = (typeof METADATA_NAMES)[number];

/**
 * Of a request's headers that are not HTTP/2's or gRPC's own those that somebody reads: names lower
 * case, values as sent (latin1). A list, not a Map: calls carry three or four, and most are never
 * looked at.
 */
export class Metadata {
  static readonly EMPTY: Metadata = new Metadata([]);
  /** Name, value, name, value … in the order of arrival. */
  readonly #pairs: readonly string[];

  constructor(pairs: readonly string[]) {
    this.#pairs = pairs;
  }

  /** The first value under a lower-case name. */
  get(name: MetadataName): string | undefined {
    const pairs = this.#pairs;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1];
    return undefined;
  }

  *entries(): IterableIterator<[string, string]> {
    const pairs = this.#pairs;
    for (let i = 0; i < pairs.length; i += 2) yield [pairs[i] as string, pairs[i + 1] as string];
  }
}
