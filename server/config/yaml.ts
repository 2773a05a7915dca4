// YAML as Go reads it on its way to JSON: the first document, by the rules of YAML 1.1.
import { parseAllDocuments, type ScalarTag, type Tags } from "yaml";

/** Keys in lower case: Go does not look at their case. */
export type Mapping = ReadonlyMap<string, unknown>;

/** Go's own way to write octal numbers, and its prefixes in upper case. */
const goInteger = (test: RegExp, prefix: string): ScalarTag => ({
  tag: "tag:yaml.org,2002:int",
  default: true,
  test,
  resolve: (text) => {
    const [, sign, digits = ""] = /^([-+]?)0.(.*)$/.exec(text.replaceAll("_", "")) ?? [];
    const value = BigInt(`${prefix}${digits}`);
    return sign === "-" ? -value : value;
  },
});

const INTEGERS: readonly ScalarTag[] = [
  goInteger(/^[-+]?0[oO]_*[0-7][0-7_]*$/, "0o"),
  goInteger(/^[-+]?0X_*[0-9a-fA-F][0-9a-fA-F_]*$/, "0x"),
  goInteger(/^[-+]?0B_*[01][01_]*$/, "0b"),
];

/** To Go bytes are a text. */
const BINARY: ScalarTag = {
  tag: "tag:yaml.org,2002:binary",
  resolve: (text, onError) => {
    const packed = text.replaceAll(/[\r\n]/g, "");
    const bytes = Buffer.from(packed, "base64");
    if (bytes.toString("base64") !== packed) {
      onError("!!binary value contains invalid base64 data");
    }
    return bytes.toString("utf8");
  },
};

/** Without the dates and times of day that Go leaves as they are. */
const OPTIONS = {
  version: "1.1",
  intAsBigInt: true,
  uniqueKeys: false,
  logLevel: "error",
  mapAsMap: true,
  customTags: (tags: Tags) => [
    ...INTEGERS,
    BINARY,
    ...tags.filter(
      (tag) =>
        typeof tag === "string" ||
        (tag.tag !== "tag:yaml.org,2002:timestamp" &&
          tag.tag !== BINARY.tag &&
          tag.format !== "TIME"),
    ),
  ],
} as const;

/**
 * Its mappings are a Mapping each, its whole numbers bigint where they were written so.
 * @throws Error of what JSON cannot say, in Go's words, or of what is no YAML
 */
export function parseYaml(text: string): unknown {
  // Go reads the first document and looks at no other.
  const [first] = parseAllDocuments(text, OPTIONS);
  const [problem] = first?.errors ?? [];
  if (problem !== undefined) throw unreadable(problem.message);
  let value: unknown;
  try {
    value = first?.toJS(OPTIONS);
  } catch (error) {
    throw unreadable((error as Error).message);
  }
  return jsonOf(value);
}

function unreadable(message: string): Error {
  return new Error(`yaml: ${message.split("\n")[0]}`);
}

function jsonOf(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    const name = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    throw new Error(`json: unsupported value: ${name}`);
  }
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Set) return mappingOf([...value].map((key) => [key, null]));
  return value instanceof Map ? mappingOf([...value]) : value;
}

/** In JSON they stand in the order of their bytes, and of two that are one to Go the last counts. */
function mappingOf(entries: readonly (readonly [key: unknown, value: unknown])[]): Mapping {
  const named = entries.map(([key, value]) => [keyText(key), jsonOf(value)] as const);
  named.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return new Map(named.map(([key, value]) => [key.toLowerCase(), value]));
}

function keyText(key: unknown): string {
  if (typeof key === "string") return key;
  if (typeof key === "number" || typeof key === "bigint" || typeof key === "boolean") {
    return String(key);
  }
  throw new Error(`yaml: invalid map key: ${key === null ? "null" : "a collection"}`);
}
