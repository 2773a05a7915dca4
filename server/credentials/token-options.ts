import { parseDuration } from "../base/duration.ts";

/** An `--auth-token` that cannot work; the member does not start. The texts are etcd's. */
export class TokenOptionsError extends Error {
  override readonly name = "TokenOptionsError";
}

export type TokenOptions =
  | { readonly kind: "none" }
  | { readonly kind: "simple" }
  | {
      readonly kind: "jwt";
      /** As the tokens name it: "RS256". */
      readonly signMethod: string;
      /** Paths; "" where none is given. */
      readonly publicKeyFile: string;
      readonly privateKeyFile: string;
      readonly ttlMs: number;
      readonly unknownKeys: readonly string[];
    };

const JWT_TTL = "5m";
const JWT_KEYS = new Set(["sign-method", "pub-key", "priv-key", "ttl"]);
const INVALID_OPTIONS = "auth: invalid auth options";
const NS_PER_MS = 1_000_000n;

/**
 * @param text `type[,key=value]...`, as `--auth-token` is given
 * @throws TokenOptionsError
 */
export function parseTokenOptions(text: string): TokenOptions {
  const [kind = "", ...pairs] = text.split(",");
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const [key = "", value, ...rest] = pair.split("=");
    if (value === undefined || rest.length > 0 || values.has(key)) {
      throw new TokenOptionsError(INVALID_OPTIONS);
    }
    values.set(key, value);
  }
  if (kind === "") return { kind: "none" };
  if (kind === "simple") return { kind };
  if (kind !== "jwt") throw new TokenOptionsError(INVALID_OPTIONS);
  const given = values.get("ttl") ?? "";
  const ttlNs = parseDuration(given === "" ? JWT_TTL : given);
  if (ttlNs === undefined) throw new TokenOptionsError(INVALID_OPTIONS);
  return {
    kind,
    signMethod: values.get("sign-method") ?? "",
    publicKeyFile: values.get("pub-key") ?? "",
    privateKeyFile: values.get("priv-key") ?? "",
    ttlMs: Number(ttlNs / NS_PER_MS),
    unknownKeys: [...values.keys()].filter((key) => !JWT_KEYS.has(key)),
  };
}
