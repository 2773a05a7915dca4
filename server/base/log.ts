import type { Clock } from "./clock.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "panic", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** One JSON object a line, with etcd's field names: level, ts, caller, msg, then the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** The same log under a caller's name, e.g. `raft/leader`. */
  named(caller: string): Log;
}

export class JsonLog implements Log {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #threshold: number;
  readonly #caller: string;

  /** @param write takes one line, newline included */
  constructor(clock: Clock, write: (line: string) => void, level: LogLevel, caller = "etcd") {
    this.#clock = clock;
    this.#write = write;
    this.#threshold = LOG_LEVELS.indexOf(level);
    this.#caller = caller;
  }

  named(caller: string): Log {
    const level = LOG_LEVELS[this.#threshold] ?? "info";
    return new JsonLog(this.#clock, this.#write, level, caller);
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
    const ts = new Date(this.#clock.now()).toISOString().replace("Z", "000Z");
    const line = { level, ts, caller: this.#caller, msg, ...fields };
    this.#write(`${JSON.stringify(line, jsonValue)}\n`);
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

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return value.message;
  return value;
}
