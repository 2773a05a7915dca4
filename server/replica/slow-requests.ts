import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { type ErrorCode, EtcdError } from "../errors.ts";

export interface SlowRequest {
  /** `""`, or what kind of read it was, with a blank behind: `read-only range `. */
  readonly prefix: string;
  /** As etcd prints requests, without values. */
  readonly request: string;
  /** Size and number of what was answered; `""` for nothing. */
  readonly response: string;
  readonly error: unknown;
}

/** Warns of what took longer to answer from the state than a member in good health would take. */
export class SlowRequests {
  readonly #log: Log;
  readonly #limitMs: number;
  #count = 0;

  constructor(log: Log, limitMs: number) {
    this.#log = log;
    this.#limitMs = limitMs;
  }

  get count(): number {
    return this.#count;
  }

  /** @param describe only called where there is something to warn of */
  check(tookMs: number, describe: () => SlowRequest): void {
    if (tookMs <= this.#limitMs) return;
    this.#count++;
    const { prefix, request, response, error } = describe();
    this.#log.warn("apply request took too long", {
      took: formatMs(tookMs),
      "expected-duration": formatMs(this.#limitMs),
      prefix,
      request,
      response,
      ...(error === undefined ? {} : { error: textOf(error) }),
    });
  }
}

/** etcd's words within the server, where they differ from those for clients. */
const INNER_TEXTS: Partial<Record<ErrorCode, string>> = {
  LeaseNotFound: "lease not found",
  LeaseExist: "lease already exists",
  LeaseTTLTooLarge: "too large lease TTL",
};

function textOf(error: unknown): string {
  if (error instanceof EtcdError) {
    return INNER_TEXTS[error.code] ?? error.message.replace(/^etcdserver: (?=mvcc: )/, "");
  }
  return error instanceof Error ? error.message : String(error);
}
