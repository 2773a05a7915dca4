import type { Clock } from "./clock.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** One line each, with etcd's field names: level, ts, logger, caller, msg, then the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /**
   * The same log under a caller's name, e.g. `raft/leader`.
   * @param logger of etcd's, for lines that it writes under a name of their own
   */
  named(caller: string, logger?: string): Log;
}

export interface LineLogOptions {
  readonly clock: Clock;
  readonly level: LogLevel;
  /** "console" is for people: the same, apart by tabs. */
  readonly format: "json" | "console";
  /** Takes one line, newline included. */
  readonly write: (line: string) => void;
}

/** Of one message in one second, the first so many lines are written, then every so many-th. */
const SAMPLE = 100;
/** Messages told apart within one second; beyond, all others count as one. */
const SAMPLED_MAX = 4096;
const SECOND_MS = 1000;

export class LineLog implements Log {
  readonly #options: LineLogOptions;
  readonly #threshold: number;
  readonly #caller: string;
  readonly #sampler: Sampler;
  readonly #logger: string | undefined;

  constructor(options: LineLogOptions, caller = "etcd", sampler = new Sampler(), logger?: string) {
    this.#options = options;
    this.#threshold = LOG_LEVELS.indexOf(options.level);
    this.#caller = caller;
    this.#sampler = sampler;
    this.#logger = logger;
  }

  named(caller: string, logger?: string): Log {
    return new LineLog(this.#options, caller, this.#sampler, logger ?? this.#logger);
  }

  debug(message: string, fields?: LogFields): void {
    this.#line("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line("error", message, fields);
  }

  fatal(message: string, fields?: LogFields): void {
    this.#line("fatal", message, fields);
  }

  #line(level: LogLevel, msg: string, fields?: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#threshold) return;
    const { clock, format, write } = this.#options;
    const nowMs = clock.now();
    if (level !== "fatal" && !this.#sampler.admits(`${level} ${msg}`, nowMs)) return;
    const ts = timestamp(new Date(nowMs));
    const caller = this.#caller;
    const named = this.#logger === undefined ? {} : { logger: this.#logger };
    if (format === "json") {
      write(`${JSON.stringify({ level, ts, ...named, caller, msg, ...fields }, jsonValue)}\n`);
      return;
    }
    const parts = [ts, level, ...Object.values(named), caller, msg];
    if (fields !== undefined) parts.push(JSON.stringify(fields, jsonValue));
    write(`${parts.join("\t").replaceAll("\n", "\\n")}\n`);
  }
}

/** For tests and tools that want silence. */
export const SILENT_LOG: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  named: () => SILENT_LOG,
};

/** Keeps a message that repeats itself thousands of times a second from filling the log. */
class Sampler {
  #second = 0;
  readonly #counts = new Map<string, number>();

  admits(message: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.clear();
    }
    const isNew = !this.#counts.has(message);
    const key = isNew && this.#counts.size >= SAMPLED_MAX ? "" : message;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count <= SAMPLE || (count - SAMPLE) % SAMPLE === 0;
  }
}

/** Local time with its zone, as etcd writes it: `2024-01-02T03:04:05.678000+0100`, UTC as `Z`. */
function timestamp(time: Date): string {
  const offsetMinutes = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + offsetMinutes * 60_000);
  const text = `${local.toISOString().slice(0, -1)}000`;
  if (offsetMinutes === 0) return `${text}Z`;
  const minutes = Math.abs(offsetMinutes);
  const digits = (value: number) => String(value).padStart(2, "0");
  const zone = `${digits(Math.floor(minutes / 60))}${digits(minutes % 60)}`;
  return `${text}${offsetMinutes < 0 ? "-" : "+"}${zone}`;
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  const shown = value instanceof Error ? value.message : value;
  return typeof shown === "string" ? shown.toWellFormed() : shown;
}
