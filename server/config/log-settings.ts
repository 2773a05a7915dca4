// What the log is to look like and where it goes.
import { LOG_LEVELS, type LogLevel } from "../base/log.ts";
import { ConfigError, type Given } from "./given.ts";

export interface LogRotation {
  /** A file is put aside before it grows beyond this. */
  readonly bytesMax: number;
  /** Files put aside longer ago are removed; 0: none is. */
  readonly ageDaysMax: number;
  /** As many files put aside are kept; 0: all are. */
  readonly backupsMax: number;
  /** The names of files put aside tell the local time, else UTC. */
  readonly isLocalTime: boolean;
  readonly isCompressed: boolean;
}

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "console";
  /** "stderr", "stdout" or paths, without doubles; empty: nowhere. */
  readonly outputs: readonly string[];
  /** Of the one path among the outputs. */
  readonly rotation: LogRotation | undefined;
}

const STREAMS = new Set(["default", "stderr", "stdout"]);
const JOURNAL = "systemd/journal";
const MEGABYTE = 1024 * 1024;
const MEGABYTES_DEFAULT = 100;

/** In etcd's order. @throws ConfigError with etcd's text */
export function readLogSettings(given: Given): LogSettings {
  const logger = given.text("logger");
  if (logger === "capnslog") throw new ConfigError("--logger=capnslog is removed in v3.5");
  if (logger !== "zap") {
    throw new ConfigError(`unknown logger option ${JSON.stringify(logger)}`);
  }
  const named = given.uniqueList("log-outputs");
  const targets = named.length === 0 ? ["default"] : named;
  if (targets.length > 1 && targets.includes("default")) {
    throw new ConfigError('multi logoutput for "default" is not supported yet');
  }
  if (targets.includes(JOURNAL)) {
    throw new ConfigError(
      `--log-outputs=${JOURNAL} is not supported: systemd puts what is written to stderr there`,
    );
  }
  const rotation = given.bool("enable-log-rotation") ? readRotation(given, targets) : undefined;
  const outputs = new Set(
    targets.map((target) => (target === "default" ? "stderr" : withoutScheme(target))),
  );
  return {
    level: readLevel(given.text("log-level")),
    format: readFormat(given.text("log-format")),
    outputs: outputs.has("/dev/null") ? [] : [...outputs],
    rotation,
  };
}

/** A file may be named by a URL. */
function withoutScheme(target: string): string {
  if (!/^file:/i.test(target) || !URL.canParse(target)) return target;
  try {
    return decodeURIComponent(new URL(target).pathname);
  } catch {
    throw new ConfigError(`open sink ${JSON.stringify(target)}: invalid URL escape`);
  }
}

function readLevel(text: string): LogLevel {
  const level = text === "" ? "info" : text.toLowerCase();
  const found = LOG_LEVELS.find((each) => each === level);
  if (found !== undefined) return found;
  throw new ConfigError(`unrecognized level: ${JSON.stringify(text)}`);
}

function readFormat(text: string): "json" | "console" {
  if (text === "" || text === "json") return "json";
  if (text === "console") return "console";
  throw new ConfigError(`unknown log format: ${text}, supported values json, console`);
}

function readRotation(given: Given, targets: readonly string[]): LogRotation | undefined {
  const files = targets.filter((target) => !STREAMS.has(target));
  if (files.length > 1 || (files.length === 0 && targets.length === 1)) {
    throw new ConfigError(
      "--log-outputs requires a single file path when --log-rotate-config-json is defined",
    );
  }
  const fields = parseRotation(given.text("log-rotation-config-json"));
  const number = (name: string) => {
    const value = Number(fields.get(name) ?? 0);
    if (value >= 0) return value;
    throw new ConfigError(`invalid log rotation config: ${name} is negative: ${value}`);
  };
  return {
    bytesMax: (number("maxsize") || MEGABYTES_DEFAULT) * MEGABYTE,
    ageDaysMax: number("maxage"),
    backupsMax: number("maxbackups"),
    isLocalTime: fields.get("localtime") === true,
    isCompressed: fields.get("compress") === true,
  };
}

const ROTATION_FIELDS: Readonly<Record<string, "int" | "bool" | "string">> = {
  filename: "string",
  maxsize: "int",
  maxage: "int",
  maxbackups: "int",
  localtime: "bool",
  compress: "bool",
};

function parseRotation(text: string): ReadonlyMap<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const reason = text.trim() === "" ? "unexpected end of JSON input" : (error as Error).message;
    throw new ConfigError(`improperly formatted log rotation config: ${reason}`);
  }
  const invalid = (found: unknown, target: string) =>
    new ConfigError(
      `invalid log rotation config: json: cannot unmarshal ${kindOf(found)} into Go ${target}`,
    );
  if (parsed === null) return new Map();
  if (typeof parsed !== "object" || Array.isArray(parsed)) {
    throw invalid(parsed, "value of type embed.logRotationConfig");
  }
  const fields = new Map<string, unknown>();
  for (const [key, value] of Object.entries(parsed)) {
    const name = key.toLowerCase();
    const kind = ROTATION_FIELDS[name];
    if (kind === undefined || value === null) continue;
    const isRight =
      kind === "int"
        ? Number.isSafeInteger(value)
        : typeof value === (kind === "bool" ? "boolean" : kind);
    if (!isRight)
      throw invalid(value, `struct field logRotationConfig.Logger.${name} of type ${kind}`);
    fields.set(name, value);
  }
  return fields;
}

/** What Go's JSON calls it. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "number" : `number ${value}`;
  return typeof value === "boolean" ? "bool" : typeof value;
}
