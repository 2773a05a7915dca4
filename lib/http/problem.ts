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
}
