// The console's way into a cluster: one connection per endpoint, a favourite that is kept while it
// works, and the next one when it does not.
//
// - A read is repeated on the other endpoints, on each at most once per call.
// - A write is sent once. It goes to another endpoint only while it certainly had no effect: there
//   was no connection to send it on, or etcd refused it before proposing (`neverSent`).
// - Every request but a leaderless one asks for a leader (`hasleader`), so that a member cut off
//   from the others says so at once instead of waiting for a quorum.
// - A token that etcd blames is fetched anew once; such a refusal has no effect either.
// - Name, password and token go to the endpoints that we were given. A member that is known by its
//   own word alone gets them too, but never over a weaker connection than those.
// - Everything has a deadline.
import { type ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { MaintenanceDefinition } from "../../server/proto/gen/rpc.ts";
import { Channel, type Method, type Service, type TlsMaterial } from "./channel.ts";
import { ClusterError } from "./cluster-error.ts";
import { parseEndpoint } from "./endpoint.ts";
import { blamesToken, type EtcdUser, TokenSource } from "./token-source.ts";

export interface ClientOptions {
  /** URLs or host:port; at least one. */
  readonly endpoints: readonly string[];
  readonly tls?: TlsMaterial | undefined;
  readonly user?: EtcdUser | undefined;
}

export interface CallOptions {
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For requests that a member without a leader can answer too. */
  readonly leaderless?: boolean | undefined;
  /** For a method that not every etcd has: the first that lacks it ends a read, unimplemented. */
  readonly mayBeUnimplemented?: boolean | undefined;
}

interface Call<Request, Response> {
  readonly service: Service;
  readonly method: Method<Request, Response>;
  readonly request: Request;
  readonly options: CallOptions;
}

/** For one request altogether, tries on other endpoints included. */
const DEADLINE_MS = 8_000;
/** For one try of a read while other endpoints are left. */
const ATTEMPT_MS = 3_000;
const CONNECT_MS = 1_500;
/** Members that are asked by their own URL and are no endpoints of ours. */
const GUESTS_MAX = 64;

/** Worth a try elsewhere. The more an error tells about the cluster, the earlier it stands. */
const ELSEWHERE: readonly string[] = [
  "no-leader",
  "timeout",
  "unavailable",
  "tls",
  "not-etcd",
  "dns",
  "unreachable",
];

export class EtcdClient {
  readonly #channels: readonly Channel[];
  readonly #guests = new Map<string, Channel>();
  readonly #tokens: TokenSource | undefined;
  readonly #tls: TlsMaterial;
  #favourite = 0;

  /** Connects lazily. Throws ClusterError on malformed endpoints or unusable certificates. */
  constructor(options: ClientOptions) {
    if (options.endpoints.length === 0) {
      throw new ClusterError("bad-request", "a cluster has at least one endpoint");
    }
    this.#tls = options.tls ?? {};
    this.#channels = options.endpoints.map((url) => new Channel(parseEndpoint(url), this.#tls));
    this.#tokens = options.user === undefined ? undefined : new TokenSource(options.user);
  }

  /** With scheme and port. */
  get endpoints(): readonly string[] {
    return this.#channels.map((channel) => channel.endpoint.url);
  }

  /** For requests without effect. */
  async read<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const call = { service, method, request, options };
    const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    return this.#firstThat((channel, until) => this.#attempt(channel, call, until), {
      deadline: Date.now() + deadlineMs,
      attemptMs: Math.min(ATTEMPT_MS, deadlineMs / this.#channels.length),
      signal: options.signal,
      mayRepeat: (error) => !(options.mayBeUnimplemented === true && error.isUnimplemented),
    });
  }

  /** For requests with an effect: never sent twice. */
  async write<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const call = { service, method, request, options };
    return this.#firstThat((channel, until) => this.#attempt(channel, call, until), {
      deadline: Date.now() + (options.deadlineMs ?? DEADLINE_MS),
      signal: options.signal,
      mayRepeat: (error) => error.neverSent,
    });
  }

  /** One request to the member behind `url`, and no other. */
  async ask<Request, Response>(
    url: string,
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const until = Date.now() + (options.deadlineMs ?? DEADLINE_MS);
    const call = { service, method, request, options };
    return this.#attempt(this.#channelTo(url), call, until);
  }

  /** A stream on an endpoint that has just connected; `url` names it for `abandon`. */
  async openStream<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
  ): Promise<{ url: string; stream: ClientDuplexStream<Request, Response> }> {
    const open = async (channel: Channel, until: number) => {
      if ((await connect(channel, until)) === "failed") await this.#explainFailure(channel, until);
      const metadata = metadataOf(await this.#token(channel, until), {});
      return { url: channel.endpoint.url, stream: channel.duplex(service, method, metadata) };
    };
    return this.#firstThat(open, {
      deadline: Date.now() + DEADLINE_MS,
      attemptMs: ATTEMPT_MS,
      mayRepeat: () => true,
    });
  }

  /** The endpoint broke under a stream: the next request starts with another one. */
  abandon(url: string): void {
    if (this.#channels[this.#favourite]?.endpoint.url !== url) return;
    this.#favourite = (this.#favourite + 1) % this.#channels.length;
  }

  /** etcd blamed the token in a stream: the next request fetches another. */
  forgetToken(): void {
    this.#tokens?.forgetAny();
  }

  close(): void {
    for (const channel of [...this.#channels, ...this.#guests.values()]) channel.close();
  }

  async #firstThat<T>(
    attempt: (channel: Channel, until: number) => Promise<T>,
    policy: {
      readonly deadline: number;
      readonly attemptMs?: number;
      readonly signal?: AbortSignal | undefined;
      readonly mayRepeat: (error: ClusterError) => boolean;
    },
  ): Promise<T> {
    const failures: ClusterError[] = [];
    const first = this.#favourite;
    for (let tried = 0; tried < this.#channels.length; tried++) {
      const at = (first + tried) % this.#channels.length;
      const isLast = tried === this.#channels.length - 1;
      const ownMs = isLast ? Number.POSITIVE_INFINITY : (policy.attemptMs ?? Infinity);
      try {
        const channel = this.#channels[at] as Channel;
        const result = await attempt(channel, Math.min(policy.deadline, Date.now() + ownMs));
        this.#favourite = at;
        return result;
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        failures.push(error);
        if (!ELSEWHERE.includes(error.code) || !policy.mayRepeat(error)) throw error;
        if (policy.signal?.aborted || Date.now() >= policy.deadline) break;
      }
    }
    throw mostTelling(failures);
  }

  async #attempt<Request, Response>(
    channel: Channel,
    call: Call<Request, Response>,
    until: number,
  ): Promise<Response> {
    await connect(channel, until);
    const { service, method, request, options } = call;
    const send = (token: string | undefined): Promise<Response> => {
      const metadata = metadataOf(token, options);
      const remainingMs = Math.max(until - Date.now(), 1);
      return channel.unary(service, method, request, metadata, remainingMs, options.signal);
    };
    const token = await this.#token(channel, until, options.signal);
    try {
      return await send(token);
    } catch (error) {
      if (this.#tokens === undefined) throw error;
      if (!(error instanceof ClusterError && blamesToken(error))) throw error;
      if (!this.#mayKnowUs(channel)) throw withoutCredentials(error);
      this.#tokens.forget(token);
      return send(await this.#token(channel, until, options.signal));
    }
  }

  /** A call on a connection that failed fails at once and names the reason. */
  async #explainFailure(channel: Channel, until: number): Promise<void> {
    await channel.unary(
      MaintenanceDefinition,
      MaintenanceDefinition.methods.status,
      {},
      new Metadata(),
      Math.max(until - Date.now(), 1),
    );
  }

  async #token(channel: Channel, until: number, signal?: AbortSignal): Promise<string | undefined> {
    if (!this.#mayKnowUs(channel)) return undefined;
    return this.#tokens?.token(channel, until, signal);
  }

  /** A guest's address is only what a member says: it gets no secret without TLS that we have. */
  #mayKnowUs(channel: Channel): boolean {
    if (this.#channels.includes(channel) || channel.endpoint.tls) return true;
    return !this.#channels.some(({ endpoint }) => endpoint.tls);
  }

  #channelTo(url: string): Channel {
    const endpoint = parseEndpoint(url);
    const ours = this.#channels.find((channel) => channel.endpoint.url === endpoint.url);
    const known = ours ?? this.#guests.get(endpoint.url);
    if (known !== undefined) return known;
    const oldest = this.#guests.keys().next().value;
    if (this.#guests.size >= GUESTS_MAX && oldest !== undefined) {
      this.#guests.get(oldest)?.close();
      this.#guests.delete(oldest);
    }
    const guest = new Channel(endpoint, this.#tls);
    this.#guests.set(endpoint.url, guest);
    return guest;
  }
}

/** "failed": a call fails at once with the reason. Throws when the other side keeps silent. */
async function connect(channel: Channel, until: number): Promise<"ready" | "failed"> {
  const waitMs = Math.max(Math.min(CONNECT_MS, until - Date.now()), 1);
  const outcome = await channel.connect(waitMs);
  if (outcome !== "silent") return outcome;
  const endpoint = channel.endpoint.url;
  throw new ClusterError("timeout", `${endpoint} does not answer`, { endpoint, neverSent: true });
}

function metadataOf(token: string | undefined, options: CallOptions): Metadata {
  const metadata = new Metadata();
  if (options.leaderless !== true) metadata.set("hasleader", "true");
  if (token !== undefined) metadata.set("token", token);
  return metadata;
}

function withoutCredentials({ endpoint, etcdCode, message }: ClusterError): ClusterError {
  const why = `${endpoint} gets no credentials, because it has no TLS and the endpoints given have`;
  return new ClusterError("etcd-unauthenticated", `${why}; it answers: ${message}`, {
    endpoint,
    etcdCode,
    neverSent: true,
  });
}

function mostTelling(failures: readonly ClusterError[]): ClusterError {
  const ranked = [...failures].sort(
    (a, b) => ELSEWHERE.indexOf(a.code) - ELSEWHERE.indexOf(b.code),
  );
  return ranked[0] ?? new ClusterError("unreachable", "no endpoint could be asked");
}
