import type { ErrorName } from "../schema/errors.ts";

/** A refusal in the console's own words; its message may be shown to the user. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ErrorName;
  readonly detail: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorName,
    message: string,
    context: { detail?: Readonly<Record<string, unknown>>; retryAfterSeconds?: number } = {},
  ) {
    super(message);
    this.code = code;
    this.detail = context.detail;
    this.retryAfterSeconds = context.retryAfterSeconds;
  }

  /** Next gives pages and routes each a copy of this class; to all of them it is the same error. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "Problem";
  }
}
