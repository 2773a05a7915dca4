// A configuration file: YAML under the names of flags, with JSON's types, as Go reads it. Unknown
// keys are passed over, as etcd passes them over; wrong types are refused in Go's words.
import { readFileSync } from "node:fs";
import { hasCode, systemProblem } from "../base/system-error.ts";
import type { FlagDefinition } from "./flag-set.ts";
import { DEFINITIONS } from "./flags.ts";
import { ConfigError, Given, type GivenValue } from "./given.ts";
import { intOf, numberProblem } from "./numbers.ts";
import { parseUrls } from "./urls.ts";
import { type Mapping, parseYaml } from "./yaml.ts";

/** etcd writes this to stderr as it is, without a log around it. */
export class FileUrlError extends Error {
  override readonly name = "FileUrlError";
}

const FILE_BYTES_MAX = 1024 * 1024;

/** What has no key of its own in a file. */
const ONLY_FLAGS =
  /^(config-file|version|raft-(read|write)-timeout|socket-reuse-.*|(peer-)?(client-)?(cert|key|trusted-ca|crl)-file|(peer-)?client-cert-auth|(peer-)?auto-tls|(peer|client)-cert-allowed-.*|peer-skip-client-san-verification)$/;

/** How Go's struct calls the kinds. */
const GO_TYPES: Readonly<Partial<Record<FlagDefinition["kind"], string>>> = {
  bool: "bool",
  uint: "uint",
  uint32: "uint32",
  int: "int",
  duration: "time.Duration",
};
const WIDE_TYPES: Readonly<Record<string, string>> = {
  "snapshot-count": "uint64",
  "snapshot-catchup-entries": "uint64",
  "quota-backend-bytes": "int64",
  "v2-deprecation": "config.V2DeprecationEnum",
};
/** Whose zero in a file is the default. */
const ZERO_IS_NONE = new Set(["self-signed-cert-validity"]);
const LISTS = new Set(["log-outputs", "cipher-suites"]);
/** Read together with the embedded options of the file rather than with the struct itself. */
const IN_JSON_STRUCT =
  /^(listen-(peer|client|client-http)-urls|initial-advertise-peer-urls|advertise-client-urls|cors|host-whitelist)$/;

/** What only a file can say, and why it cannot be had here. */
export const UNSUPPORTED_KEYS: Readonly<Record<string, string>> = {
  "discovery-config": "members find each other by initial-cluster or discovery-srv",
};

const SECURITY_TEXTS = [
  ["cert-file", "cert-file"],
  ["key-file", "key-file"],
  ["client-cert-file", "client-cert-file"],
  ["client-key-file", "client-key-file"],
  ["trusted-ca-file", "trusted-ca-file"],
] as const;

/** @throws ConfigError with Go's or etcd's text */
export function readConfigFile(path: string): Given {
  const given = new Given();
  const root = parseFile(readText(path));
  // Unlike a command line, a file has no default here: without a mode nothing is compacted.
  if (!root.has("auto-compaction-mode")) given.set("auto-compaction-mode", "");
  for (const definition of DEFINITIONS) {
    if (definition.kind === "ignored" || ONLY_FLAGS.test(definition.name)) continue;
    for (const key of keysOf(definition)) {
      const value = root.get(key);
      if (value === undefined || value === null) continue;
      const field = fieldOf(definition, key);
      setChecked(given, definition, key, converted(definition, value, field));
    }
  }
  readSecurity(given, root, "client-transport-security", "");
  readSecurity(given, root, "peer-transport-security", "peer-");
  readSocketOptions(given, root);
  for (const [key, reason] of Object.entries(UNSUPPORTED_KEYS)) {
    const isGiven = root.get(key) !== undefined && root.get(key) !== null;
    if (isGiven) throw new ConfigError(`${key} is not supported: ${reason}`);
  }
  return given;
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    // A folder can be opened, but not read.
    const call = hasCode(error, "EISDIR") ? "read" : "open";
    throw new ConfigError(systemProblem(error, `${call} ${path}`));
  }
  if (bytes.length > FILE_BYTES_MAX) {
    throw new ConfigError(`${path} has more than ${FILE_BYTES_MAX} bytes`);
  }
  return bytes.toString("utf8");
}

function parseFile(text: string): Mapping {
  let root: unknown;
  try {
    root = parseYaml(text);
  } catch (error) {
    throw new ConfigError(`error converting YAML to JSON: ${(error as Error).message}`);
  }
  if (root === null || root === undefined) return new Map();
  return mapping(root) ?? refuse(root, "value of type embed.configYAML");
}

function mapping(value: unknown): Mapping | undefined {
  return value instanceof Map ? (value as Mapping) : undefined;
}

function keysOf({ name, oldName, fileKey }: FlagDefinition): string[] {
  return [...new Set([fileKey ?? oldName ?? name, name])];
}

function fieldOf({ name }: FlagDefinition, key: string): string {
  if (name.startsWith("proxy") || name === "discovery-fallback") {
    return `struct field configProxy.${key}`;
  }
  const part = IN_JSON_STRUCT.test(name) ? "configJSON" : "Config";
  return `struct field configYAML.${part}.${key}`;
}

function converted(definition: FlagDefinition, value: unknown, field: string): GivenValue {
  const { name, kind } = definition;
  if (LISTS.has(name)) return textList(value, field);
  const type = WIDE_TYPES[name] ?? GO_TYPES[kind] ?? "string";
  if (kind === "bool") {
    return typeof value === "boolean" ? String(value) : refuse(value, `${field} of type ${type}`);
  }
  if (GO_TYPES[kind] === undefined) return textOf(value, `${field} of type ${type}`);
  const number = wholeNumber(value);
  const isUnsigned = kind === "uint" || kind === "uint32";
  const isInRange =
    number !== undefined &&
    numberProblem(number, isUnsigned ? "uint" : "int") === undefined &&
    (kind !== "uint32" || (intOf(number) ?? 0n) < 2n ** 32n);
  if (number === undefined || !isInRange) {
    const digits = typeof value === "number" || typeof value === "bigint" ? ` ${shown(value)}` : "";
    return refuse(value, `${field} of type ${type}`, digits);
  }
  return kind === "duration" ? `${number}ns` : number;
}

/** A number without a fraction, in digits. */
function wholeNumber(value: unknown): string | undefined {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "number" || !Number.isSafeInteger(value)) return undefined;
  return value.toString();
}

function textOf(value: unknown, target: string): string {
  return typeof value === "string" ? value : refuse(value, target);
}

function textList(value: unknown, field: string): string[] {
  if (!Array.isArray(value)) return refuse(value, `${field} of type []string`);
  return value.map((item) => textOf(item ?? "", `${field} of type string`));
}

function setChecked(given: Given, definition: FlagDefinition, key: string, value: GivenValue) {
  const { kind, name } = definition;
  if ((kind === "urls" || kind === "origins") && typeof value === "string" && value !== "") {
    try {
      if (value !== "*" || kind === "urls") parseUrls(value);
    } catch (error) {
      // Under the name by which etcd happens to call it here.
      const called = name === "advertise-client-urls" ? "advertise-peer-urls" : name;
      const { message } = error as Error;
      throw new FileUrlError(`unexpected error setting up ${called}: ${message}`);
    }
  }
  const isChoice = kind === "choice" && name !== "initial-cluster-state";
  if (isChoice && value !== "" && !definition.values?.includes(String(value))) {
    const called = name === "proxy" ? "proxyFlag" : `${name} flag`;
    throw new FileUrlError(`unexpected error setting up ${called}: invalid value`);
  }
  if (value === "0" && ZERO_IS_NONE.has(name)) return;
  if (value !== "" || kind === "text") given.set(key === definition.fileKey ? name : key, value);
}

function readSecurity(given: Given, root: Mapping, key: string, side: "" | "peer-"): void {
  const found = root.get(key);
  if (found === undefined || found === null) return;
  const options = mapping(found);
  const field = (name: string) => `struct field securityConfig.configJSON.${key}.${name}`;
  if (options === undefined) {
    refuse(found, `struct field configYAML.configJSON.${key} of type embed.securityConfig`);
  }
  for (const [name, flag] of SECURITY_TEXTS) {
    const value = options?.get(name);
    if (value === undefined || value === null) continue;
    given.set(side + flag, textOf(value, `${field(name)} of type string`));
  }
  for (const name of ["client-cert-auth", "auto-tls", "skip-client-san-verification"]) {
    const value = options?.get(name);
    if (value === undefined || value === null) continue;
    if (typeof value !== "boolean") refuse(value, `${field(name)} of type bool`);
    if (name !== "skip-client-san-verification") given.set(side + name, String(value));
    else if (side === "peer-") given.set("peer-skip-client-san-verification", String(value));
  }
  const names = options?.get("allowed-cn") ?? undefined;
  if (names !== undefined) {
    const list = textList(names, field("allowed-cn"));
    if (side === "peer-") given.set("peer-cert-allowed-cn", list);
    else given.clientAllowedCns = list;
  }
  const hosts = options?.get("allowed-hostname") ?? undefined;
  if (hosts !== undefined) {
    const flag = side === "" ? "client-cert-allowed-hostname" : "peer-cert-allowed-hostname";
    given.set(flag, textList(hosts, field("allowed-hostname")));
  }
}

function readSocketOptions(given: Given, root: Mapping): void {
  const found = root.get("socket-options");
  if (found === undefined || found === null) return;
  const options = mapping(found);
  if (options === undefined) {
    refuse(found, "struct field configYAML.Config.socket-options of type transport.SocketOpts");
  }
  for (const name of ["reuse-port", "reuse-address"]) {
    const value = options?.get(name);
    if (value === undefined || value === null) continue;
    const field = `struct field SocketOpts.Config.socket-options.${name} of type bool`;
    if (typeof value !== "boolean") refuse(value, field);
    given.set(`socket-${name}`, String(value));
  }
}

/** @param digits of a number where a number was wanted, with a space in front */
function refuse(found: unknown, target: string, digits = ""): never {
  throw new ConfigError(
    "error unmarshaling JSON: while decoding JSON: " +
      `json: cannot unmarshal ${described(found)}${digits} into Go ${target}`,
  );
}

/** On its way from YAML to JSON, Go turns what 64 bits cannot hold into a fraction. */
function shown(value: number | bigint): string {
  const isWide = typeof value === "bigint" && BigInt.asUintN(64, value) !== value && value > 0n;
  return String(isWide ? Number(value) : value);
}

/** As Go's JSON calls what it found. */
function described(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint" || typeof value === "number") return "number";
  if (typeof value === "boolean") return "bool";
  return typeof value === "string" ? "string" : "object";
}
