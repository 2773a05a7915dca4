import type { ConnectionOptions, TlsOptions } from "node:tls";

/** What https URLs of peers need; absent where all are http. */
export interface TransportTls {
  readonly server: TlsOptions;
  readonly client: ConnectionOptions;
}
