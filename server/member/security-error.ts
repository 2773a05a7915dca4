/** Why a member cannot serve, and under which words etcd says so. */
export class SecurityError extends Error {
  override readonly name = "SecurityError";
  readonly headline: string;

  constructor(headline: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.headline = headline;
  }
}
