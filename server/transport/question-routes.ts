// The routes that answer peers' questions, with etcd's texts and statuses.
import { AssertionError } from "../base/assert.ts";
import { isJsonObject } from "../base/json.ts";
import { type ErrorCode, EtcdError } from "../errors.ts";
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../proto/gen/rpc.ts";
import { clusterRefusalOf, type Identity, type Refusal } from "./identity.ts";
import { decodeLeaseTimeRequest, encodeLeaseTime } from "./lease-codec.ts";
import { BodyTooLargeError, readBody } from "./peer-request.ts";
import { type Exchange, header, isMethod, refuse, reply } from "./reply.ts";
import type { PeerQuestions } from "./transport.ts";

const QUESTION_BYTES_MAX = 64 * 1024;
const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/protobuf";

const LAG = "waiting for node to catch up its applied index has timed out";
const REFUSALS: Partial<Record<ErrorCode, Refusal>> = {
  MemberNotFound: { status: 404, text: "membership: ID not found" },
  MemberNotLearner: { status: 412, text: "membership: can only promote a learner member" },
  LearnerNotReady: {
    status: 412,
    text: "etcdserver: can only promote a learner member which is in sync with leader",
  },
  Compacted: { status: 400, text: "mvcc: required revision has been compacted" },
  FutureRev: { status: 400, text: "mvcc: required revision is a future revision" },
  LeaseNotFound: { status: 404, text: "lease not found" },
  Timeout: { status: 408, text: LAG },
  TimeoutWaitAppliedIndex: { status: 408, text: LAG },
};

/** A request that says nothing readable. */
class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

export class QuestionRoutes {
  readonly #identity: Identity;
  readonly #questions: PeerQuestions;

  constructor(identity: Identity, questions: PeerQuestions) {
    this.#identity = identity;
    this.#questions = questions;
  }

  members(exchange: Exchange): void {
    if (!isMethod(exchange, "GET")) return;
    reply(exchange, 200, this.#questions.members(), JSON_TYPE);
  }

  version(exchange: Exchange): void {
    if (!isMethod(exchange, "GET")) return;
    const etcdcluster = this.#questions.clusterVersion() ?? "not_decided";
    const answer = { etcdserver: this.#identity.serverVersion, etcdcluster };
    reply(exchange, 200, JSON.stringify(answer), JSON_TYPE);
  }

  async downgradeEnabled(exchange: Exchange): Promise<void> {
    if (!isMethod(exchange, "GET")) return;
    await answering(exchange, async () => {
      const isEnabled = await this.#questions.downgradeEnabled();
      reply(exchange, 200, String(isEnabled), "text/plain");
    });
  }

  async promote(exchange: Exchange): Promise<void> {
    if (!isMethod(exchange, "POST")) return;
    const id = exchange.path.slice("/members/promote/".length);
    if (!/^\d{1,20}$/.test(id) || BigInt(id) >= 2n ** 64n) {
      refuse(exchange, { status: 404, text: `member ${id} not found in cluster` });
      return;
    }
    await answering(exchange, async () => {
      const token = header(exchange, "authorization");
      reply(exchange, 200, await this.#questions.promote(BigInt(id), token), JSON_TYPE);
    });
  }

  async hashKv(exchange: Exchange): Promise<void> {
    if (!isMethod(exchange, "GET")) return;
    const refusal =
      header(exchange, "x-etcd-cluster-id") === undefined
        ? undefined
        : clusterRefusalOf(exchange.request.headers, this.#identity);
    if (refusal !== undefined) {
      refuse(exchange, refusal);
      return;
    }
    await answering(exchange, async () => {
      const revision = revisionOf(await readBody(exchange.request, QUESTION_BYTES_MAX));
      const answer = await this.#questions.hashKv(revision);
      const json = {
        header: { revision: answer.revision },
        hash: answer.hash,
        compact_revision: answer.compactRevision,
      };
      reply(exchange, 200, JSON.stringify(json), JSON_TYPE);
    });
  }

  async keepAlive(exchange: Exchange): Promise<void> {
    if (!isMethod(exchange, "POST")) return;
    await answering(exchange, async () => {
      const bytes = await readBody(exchange.request, QUESTION_BYTES_MAX);
      const { ID } = readable(() => LeaseKeepAliveRequest.decode(bytes));
      const TTL = await this.#questions.keepAlive(ID);
      const answer = LeaseKeepAliveResponse.encode({ header: undefined, ID, TTL }).finish();
      reply(exchange, 200, Buffer.from(answer), PROTOBUF_TYPE);
    });
  }

  async timeToLive(exchange: Exchange): Promise<void> {
    if (!isMethod(exchange, "POST")) return;
    await answering(exchange, async () => {
      const bytes = await readBody(exchange.request, QUESTION_BYTES_MAX);
      const { id, withKeys } = readable(() => decodeLeaseTimeRequest(bytes));
      const time = await this.#questions.timeToLive(id, withKeys);
      reply(exchange, 200, encodeLeaseTime(time), PROTOBUF_TYPE);
    });
  }
}

/** Runs a handler; what it throws becomes the answer. */
async function answering(exchange: Exchange, handler: () => Promise<void>): Promise<void> {
  try {
    await handler();
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    refuse(exchange, refusalOf(error));
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof EtcdError) {
    return REFUSALS[error.code] ?? { status: 500, text: error.message };
  }
  if (error instanceof BodyTooLargeError) return { status: 413, text: error.message };
  const status = error instanceof UnreadableError ? 400 : 500;
  return { status, text: error instanceof Error ? error.message : String(error) };
}

function revisionOf(body: Buffer): number {
  const json = readable((): unknown => JSON.parse(body.toString()));
  if (json === null) return 0;
  const revision = isJsonObject(json) ? (json.revision ?? 0) : undefined;
  if (!Number.isSafeInteger(revision)) throw new UnreadableError("error unmarshalling request");
  return Number(revision);
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw new UnreadableError("error unmarshalling request");
  }
}
