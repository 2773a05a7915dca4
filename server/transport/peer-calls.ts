// What members ask each other apart from raft: who is a member, which version they are, and what
// only the leader may answer.
import { EMPTY_BYTES, hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { isJsonObject, parseJson } from "../base/json.ts";
import { EtcdError } from "../errors.ts";
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../proto/gen/rpc.ts";
import { headerText, parseId } from "./identity.ts";
import { decodeLeaseTime, encodeLeaseTimeRequest } from "./lease-codec.ts";
import { type Answer, exchange } from "./peer-request.ts";
import type { TlsDial } from "./tls.ts";
import type { HashKv, LeaseTime } from "./transport.ts";

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const PROTOBUF = { "Content-Type": "application/protobuf" };

export interface PeerCallsOptions {
  /** Tried in this order. */
  readonly urls: readonly string[];
  /** A peer that says nothing for this long has not answered. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly dialTls?: TlsDial | undefined;
}

export type AddressFailure = (url: string, error: unknown) => void;

export interface MembersAnswer {
  readonly clusterId: bigint;
  /** JSON list. */
  readonly members: string;
}

export interface VersionAnswer {
  readonly server: string;
  /** Absent while the cluster has none. */
  readonly cluster: string | undefined;
}

/** An answer that is none of the expected ones. */
export class PeerCallError extends Error {
  override readonly name = "PeerCallError";
}

/** Every method rejects when no address answers. */
export class PeerCalls {
  readonly #options: PeerCallsOptions;

  constructor(options: PeerCallsOptions) {
    this.#options = options;
  }

  async members(): Promise<MembersAnswer> {
    const answer = success(await this.#ask("GET", "/members"));
    const clusterId = parseId(headerText(answer.headers, "x-etcd-cluster-id"));
    if (clusterId === undefined) throw new PeerCallError("answer without cluster ID");
    return { clusterId, members: answer.body.toString() };
  }

  /** @param failed is told of every address that gave no answer */
  async version(failed?: AddressFailure): Promise<VersionAnswer> {
    const json = jsonOf(success(await this.#ask("GET", "/version", {}, EMPTY_BYTES, failed)));
    const { etcdserver: server, etcdcluster: cluster } = json;
    if (typeof server !== "string") throw new PeerCallError("answer without version");
    const isDecided = typeof cluster === "string" && /^\d/.test(cluster);
    return { server, cluster: isDecided ? cluster : undefined };
  }

  async downgradeEnabled(): Promise<boolean> {
    return (
      success(await this.#ask("GET", "/downgrade/enabled"))
        .body.toString()
        .trim() === "true"
    );
  }

  /**
   * @returns the members afterwards, JSON
   * @throws EtcdError MemberNotFound, MemberNotLearner, LearnerNotReady
   */
  async promote(id: bigint, token: string | undefined): Promise<string> {
    const headers = token === undefined ? {} : { Authorization: token };
    const answer = await this.#ask("POST", `/members/promote/${id}`, headers);
    if (answer.status === 404) throw new EtcdError("MemberNotFound");
    if (answer.status === 408) throw new EtcdError("Timeout");
    if (answer.status === 412) {
      const isLag = answer.body.toString().includes("in sync with leader");
      throw new EtcdError(isLag ? "LearnerNotReady" : "MemberNotLearner");
    }
    return success(answer).body.toString();
  }

  /**
   * @param revision 0 for the current one
   * @throws EtcdError Compacted, FutureRev
   */
  async hashKv(clusterId: bigint, revision: number): Promise<HashKv> {
    const headers = { "X-Etcd-Cluster-ID": hexId(clusterId), "Content-Type": "application/json" };
    const body = Buffer.from(JSON.stringify({ revision }));
    const answer = await this.#ask("GET", "/members/hashkv", headers, body);
    const text = answer.body.toString();
    if (text.includes("revision has been compacted")) throw new EtcdError("Compacted");
    if (text.includes("is a future revision")) throw new EtcdError("FutureRev");
    const json = jsonOf(success(answer));
    const header = isJsonObject(json.header) ? json.header : {};
    return {
      revision: numberOf(header.revision),
      hash: numberOf(json.hash),
      compactRevision: numberOf(json.compact_revision),
    };
  }

  /**
   * @returns the TTL in seconds
   * @throws EtcdError LeaseNotFound, Timeout
   */
  async keepAlive(leaseId: bigint): Promise<number> {
    const request = LeaseKeepAliveRequest.encode({ ID: leaseId }).finish();
    const answer = leaseAnswer(await this.#ask("POST", "/leases", PROTOBUF, Buffer.from(request)));
    return LeaseKeepAliveResponse.decode(answer.body).TTL;
  }

  /** @throws EtcdError LeaseNotFound, Timeout */
  async timeToLive(leaseId: bigint, withKeys: boolean): Promise<LeaseTime> {
    const request = encodeLeaseTimeRequest({ id: leaseId, withKeys });
    const answer = leaseAnswer(await this.#ask("POST", "/leases/internal", PROTOBUF, request));
    return decodeLeaseTime(answer.body);
  }

  async #ask(
    method: "GET" | "POST",
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body: Buffer = EMPTY_BYTES,
    failed: AddressFailure = () => undefined,
  ): Promise<Answer> {
    const { urls, timeoutMs, clock, dialTls } = this.#options;
    let problem: unknown = new PeerCallError("peer without address");
    for (const url of urls) {
      const sized = body.length === 0 ? headers : { ...headers, "Content-Length": body.length };
      const options = { method, path, headers: sized, idleMs: timeoutMs, clock, dialTls };
      try {
        return await exchange(url, options, body, ANSWER_BYTES_MAX);
      } catch (error) {
        problem = error;
        failed(url, error);
      }
    }
    throw problem;
  }
}

function success(answer: Answer): Answer {
  if (answer.status === 200) return answer;
  throw new PeerCallError(`${answer.status} ${answer.body.toString().trim()}`);
}

function leaseAnswer(answer: Answer): Answer {
  if (answer.status === 404) throw new EtcdError("LeaseNotFound");
  if (answer.status === 408) throw new EtcdError("Timeout");
  return success(answer);
}

function jsonOf(answer: Answer): Readonly<Record<string, unknown>> {
  const json = parseJson(answer.body.toString());
  if (!isJsonObject(json)) throw new PeerCallError("answer is no JSON object");
  return json;
}

/** Go leaves out what is zero. */
function numberOf(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value !== "number") throw new PeerCallError("answer without number");
  return value;
}
