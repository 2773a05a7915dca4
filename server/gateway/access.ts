import type { Log } from "../base/log.ts";
import type { Exchange } from "./exchange.ts";
import { plainError, type Reply } from "./reply.ts";

const JSON_PREFIX = "/v3/";
/** etcd's: silence about it would let somebody act as nobody in particular. */
const NAME_TEXT =
  "CommonName of client sending a request against gateway will be ignored and not used as expected";

export interface AccessOptions {
  /** Origins that browsers may call from; `*` stands for all. */
  readonly cors: readonly string[];
  /** Names under which the member may be reached without TLS; `*` or none at all stand for all. */
  readonly hostWhitelist: readonly string[];
  /** A certificate's name counts for calls of gRPC, and is ignored by the JSON gateway. */
  readonly areNamesIdentities: () => boolean;
  readonly log: Log;
}

/** Whether a request may come from where it comes, and what browsers are told about it. */
export class Access {
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    const { cors, hostWhitelist } = options;
    this.#options = options;
    this.#origins = new Set(cors);
    this.#hosts = new Set(hostWhitelist);
  }

  /**
   * Sets CORS headers; a reply is what the request gets instead of an answer.
   * @param path without the query
   * @param authority whom the request is meant for
   */
  admit(exchange: Exchange, path: string, authority: string): Reply | undefined {
    const host = hostOf(authority);
    if (!exchange.isEncrypted && !this.#isKnownHost(host)) {
      this.#options.log.warn("rejecting HTTP request to prevent DNS rebinding attacks", { host });
      return plainError(421, rebindingText(host));
    }
    if (exchange.isEncrypted && path.startsWith(JSON_PREFIX) && this.#hasIdentity(exchange)) {
      return plainError(400, NAME_TEXT);
    }
    const origin = this.#allowedOrigin(exchange.header("origin"));
    if (origin !== undefined) {
      exchange.setHeader("Access-Control-Allow-Headers", "accept, content-type, authorization");
      exchange.setHeader("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
      exchange.setHeader("Access-Control-Allow-Origin", origin);
    }
    if (exchange.method === "OPTIONS") return { status: 200, headers: {}, body: "" };
    return undefined;
  }

  #hasIdentity({ certificateName = "" }: Exchange): boolean {
    return certificateName !== "" && this.#options.areNamesIdentities();
  }

  #isKnownHost(host: string): boolean {
    return this.#hosts.size === 0 || this.#hosts.has("*") || this.#hosts.has(host);
  }

  #allowedOrigin(origin: string | undefined): string | undefined {
    if (this.#origins.size === 0 || this.#origins.has("*")) return "*";
    return origin !== undefined && this.#origins.has(origin) ? origin : undefined;
  }
}

/** Without the port; as it stands when it has none or is not well-formed. */
function hostOf(authority: string): string {
  const match = /^(?:\[([^\][]*)\]|([^:\][]*)):[^:\][]*$/.exec(authority);
  return match?.[1] ?? match?.[2] ?? authority;
}

/** etcd's. */
function rebindingText(host: string): string {
  return `
etcd received your request, but the Host header was unrecognized.

To fix this, choose one of the following options:
- Enable TLS, then any HTTPS request will be allowed.
- Add the hostname you want to use to the whitelist in settings.
  - e.g. etcd --host-whitelist ${JSON.stringify(host)}

This requirement has been added to help prevent "DNS Rebinding" attacks (CVE-2018-5702).
`;
}
