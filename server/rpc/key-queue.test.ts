import { expect, test } from "vitest";
import { KeyWriter } from "../apply/key-writer.ts";
import { answerRange } from "../apply/range.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { runDeleteRange, runTxn } from "../apply/txn.ts";
import { Access } from "../auth/access.ts";
import { NOBODY } from "../auth/identity.ts";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { SystemRandom } from "../base/random.ts";
import { finish, type Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { Metadata } from "../http2/metadata.ts";
import { GrpcMetrics } from "../metrics/grpc-metrics.ts";
import { CampaignRequest, ElectionDefinition } from "../proto/gen/election.ts";
import { LockDefinition, LockRequest } from "../proto/gen/lock.ts";
import {
  DeleteRangeRequest,
  KVDefinition,
  LeaseDefinition,
  RangeRequest,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { WatchHub } from "../watch/hub.ts";
import { CallGuards } from "./call-guards.ts";
import { type CallContext, Dispatcher } from "./dispatch.ts";
import { registerElection } from "./election.ts";
import { Headers } from "./header.ts";
import { LeaderStreams } from "./leader-streams.ts";
import { registerLock } from "./lock.ts";

const NAME = Buffer.from("n");
/** The caller's, and of whoever came before it. */
const LEASE = 0xbn;
const OTHER_LEASE = 0xan;
const OWN = "n/b";
const OTHER = "n/a";

class Call implements CallContext {
  readonly path = "";
  readonly metadata = Metadata.EMPTY;
  readonly remote = "127.0.0.1:1";
  readonly peerCertificateName = undefined;
  readonly deadlineMs = undefined;
  isCanceled = false;
  onCancel: (() => void) | undefined = undefined;

  cancel(): void {
    this.isCanceled = true;
    this.onCancel?.();
  }
}

/** One caller in front of a store of its own. */
class Fixture {
  readonly #call = new Call();
  readonly #state: ReplicatedState;
  readonly #hub: WatchHub;
  readonly #server: Dispatcher;
  readonly #counts = new Map<string, number>();
  /** What happens while an answer is awaited: under the method and how often it was called. */
  meanwhile: Record<string, () => void> = {};

  constructor() {
    const clock = new SystemClock();
    this.#state = new ReplicatedState({
      engine: new MemoryEngine(),
      membership: { memberId: 1n, clusterId: 1n },
      leaseTtlMinSeconds: 2,
      clock,
      serverVersion: "3.5.16",
    });
    for (const lease of [LEASE, OTHER_LEASE]) this.#state.lessor.grant(lease, 60, 0);
    this.#hub = new WatchHub(this.#state.kv, clock, new SystemRandom());
    const metrics = new GrpcMetrics();
    const serving = { isCapable: () => true, isLearner: () => false, hasLeader: () => true };
    this.#server = new Dispatcher({
      clock,
      log: SILENT_LOG,
      guards: new CallGuards(serving, metrics),
      stats: { ended: () => undefined },
      callers: { checkRoot: () => undefined, checkUser: () => undefined },
      metrics,
      leaderStreams: new LeaderStreams(clock, 1000, () => true),
    });
    this.#register();
  }

  readonly cancel = () => this.#call.cancel();

  campaign(value = ""): Promise<unknown> {
    const request = { name: NAME, lease: LEASE, value: Buffer.from(value) };
    const campaign = this.#server.local(ElectionDefinition, "campaign");
    return campaign(CampaignRequest.fromPartial(request), this.#call);
  }

  /** @param lease another caller's, which nothing happens to */
  lock(lease = LEASE): Promise<unknown> {
    const lock = this.#server.local(LockDefinition, "lock");
    const call = lease === LEASE ? this.#call : new Call();
    return lock(LockRequest.fromPartial({ name: NAME, lease }), call);
  }

  readonly removeOther = () => {
    const request = DeleteRangeRequest.fromPartial({ key: Buffer.from(OTHER) });
    this.#write((writer) => runDeleteRange(writer, request));
  };

  keys(): string[] {
    const { records } = this.#state.kv.range({
      key: NAME,
      rangeEnd: Buffer.from("o"),
      revision: 0,
      limit: 0,
    });
    return records.map(({ key }) => key.toString());
  }

  #register(): void {
    const server = this.#server;
    const headers = new Headers({
      clusterId: 1n,
      memberId: 1n,
      term: () => 1,
      revision: () => this.#state.kv.revision,
    });
    const access = new Access(this.#state.auth, NOBODY);
    const reply = (chunks: readonly Buffer[]) =>
      headers.reply({ revision: this.#state.kv.revision, chunks });
    server.rawUnary(KVDefinition, "range", async (bytes) => {
      await this.#pass("range");
      return reply([answerRange(this.#state.kv, RangeRequest.decode(bytes)).bytes]);
    });
    server.rawUnary(KVDefinition, "txn", async (bytes) => {
      await this.#pass("txn");
      const request = TxnRequest.decode(bytes);
      return reply(this.#write((writer) => runTxn(writer, request, access)).chunks);
    });
    server.rawUnary(KVDefinition, "deleteRange", async (bytes) => {
      await this.#pass("deleteRange");
      const request = DeleteRangeRequest.decode(bytes);
      return reply(this.#write((writer) => runDeleteRange(writer, request)));
    });
    server.unary(LeaseDefinition, "leaseGrant", () => {
      throw new EtcdError("LeaseExist");
    });
    registerLock(server, { hub: this.#hub });
    const header = (revision: number) => headers.at(revision);
    registerElection(server, { hub: this.#hub, header });
  }

  async #pass(method: string): Promise<void> {
    const count = (this.#counts.get(method) ?? 0) + 1;
    this.#counts.set(method, count);
    await Promise.resolve();
    this.meanwhile[`${method} ${count}`]?.();
  }

  #write<T>(run: (writer: KeyWriter) => Steps<T>): T {
    const writer = new KeyWriter(this.#state);
    const result = finish(run(writer));
    const { revision, changes } = writer.end();
    if (changes.length > 0) this.#hub.publish(revision, changes);
    return result;
  }
}

const GONE = "context canceled";
const LEADER_CHANGED = "etcdserver: leader changed";

function changeLeader(): never {
  throw new EtcdError("LeaderChanged");
}

test("whoever is first leads, and holds the lock", async () => {
  const election = new Fixture();
  await election.campaign();
  expect(election.keys()).toEqual([OWN]);
  const locks = new Fixture();
  await locks.lock(OTHER_LEASE);
  locks.meanwhile = { "range 1": locks.removeOther };
  await locks.lock();
  expect(locks.keys()).toEqual([OWN]);
});

test.each(["txn 1", "range 1"])("a candidate that goes during %s does not lead", async (at) => {
  const fixture = new Fixture();
  fixture.meanwhile = { [at]: fixture.cancel };
  await expect(fixture.campaign()).rejects.toThrow(GONE);
  expect(fixture.keys()).toEqual([]);
});

test("a candidate that goes when the one in front of it has gone does not lead", async () => {
  const fixture = new Fixture();
  await fixture.lock(OTHER_LEASE);
  fixture.meanwhile = { "range 2": fixture.cancel };
  const campaign = fixture.campaign();
  setImmediate(fixture.removeOther);
  await expect(campaign).rejects.toThrow(GONE);
  expect(fixture.keys()).toEqual([]);
});

test("a candidate that goes while it waits for another's end is withdrawn", async () => {
  const fixture = new Fixture();
  await fixture.lock(OTHER_LEASE);
  const campaign = fixture.campaign();
  setImmediate(fixture.cancel);
  await expect(campaign).rejects.toThrow(GONE);
  expect(fixture.keys()).toEqual([OTHER]);
});

test("a candidate is withdrawn after a failure only if it is gone", async () => {
  const gone = new Fixture();
  gone.meanwhile = {
    "range 1": () => {
      gone.cancel();
      changeLeader();
    },
  };
  await expect(gone.campaign()).rejects.toThrow(LEADER_CHANGED);
  expect(gone.keys()).toEqual([]);
  const present = new Fixture();
  present.meanwhile = { "range 1": changeLeader };
  await expect(present.campaign()).rejects.toThrow(LEADER_CHANGED);
  expect(present.keys()).toEqual([OWN]);
});

function forget(): never {
  throw new EtcdError("Timeout");
}

test("a resignation that fails does not hide why the candidate resigned", async () => {
  const gone = new Fixture();
  gone.meanwhile = { "range 1": gone.cancel, "txn 2": forget };
  await expect(gone.campaign()).rejects.toThrow(GONE);
  const again = new Fixture();
  await again.campaign("a");
  again.meanwhile = { "txn 3": changeLeader, "txn 4": forget };
  await expect(again.campaign("b")).rejects.toThrow(LEADER_CHANGED);
});

test("whoever goes while the lock is taken does not hold it", async () => {
  const fixture = new Fixture();
  fixture.meanwhile = { "txn 1": fixture.cancel };
  await expect(fixture.lock()).rejects.toThrow(GONE);
  expect(fixture.keys()).toEqual([]);
});

test("a lock that is held stays held when its owner asks again and goes", async () => {
  const fixture = new Fixture();
  await fixture.lock();
  fixture.meanwhile = { "txn 2": fixture.cancel };
  await fixture.lock();
  expect(fixture.keys()).toEqual([OWN]);
});

test.each(["range 1", "range 2"])("whoever goes during %s does not get the lock", async (at) => {
  const fixture = new Fixture();
  await fixture.lock(OTHER_LEASE);
  fixture.meanwhile = {
    "range 1": fixture.removeOther,
    [at]: () => {
      fixture.removeOther();
      fixture.cancel();
    },
  };
  await expect(fixture.lock()).rejects.toThrow(GONE);
  expect(fixture.keys()).toEqual([]);
});

test("a lock is given up when its last read fails, whether or not that can be said", async () => {
  const fixture = new Fixture();
  await fixture.lock(OTHER_LEASE);
  fixture.meanwhile = { "range 1": fixture.removeOther, "range 2": changeLeader };
  await expect(fixture.lock()).rejects.toThrow(LEADER_CHANGED);
  expect(fixture.keys()).toEqual([]);
  const stuck = new Fixture();
  await stuck.lock(OTHER_LEASE);
  stuck.meanwhile = {
    "range 1": stuck.removeOther,
    "range 2": changeLeader,
    "deleteRange 1": forget,
  };
  await expect(stuck.lock()).rejects.toThrow(LEADER_CHANGED);
});
