import { expect, test } from "vitest";
import { type Outcome, succeeded } from "../apply/outcome.ts";
import { Quota } from "../apply/quota.ts";
import { type Identity, NOBODY } from "../auth/identity.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { EtcdError } from "../errors.ts";
import { Metadata } from "../http2/metadata.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { ProposalCaller } from "../replica/proposals.ts";
import { ALARM_WAITS_MAX, Proposer, STRANGER_BYTES_MAX } from "./proposer.ts";

const CALLER = {
  metadata: Metadata.EMPTY,
  peerCertificateName: undefined,
  isCanceled: false,
  onCancel: undefined,
};
const REQUEST_BYTES_MAX = 2 * 1024 * 1024;
const QUOTA_BYTES = 100;

/** A member that counts what reaches the log. */
class Member {
  identity: Identity = NOBODY;
  /** Asked of nobody alone. */
  objection: EtcdError | undefined = new EtcdError("UserEmpty");
  barrier: () => Promise<void> = () => Promise.resolve();
  alarm: () => Promise<void> = () => Promise.resolve();
  readonly proposed: Buffer[] = [];
  /** Who can give up each of them. */
  readonly proposers: (ProposalCaller | undefined)[] = [];
  readonly proposer: Proposer;

  constructor() {
    this.proposer = new Proposer({
      replica: {
        committedIndex: 0,
        appliedIndex: 0,
        nextId: () => 7n,
        propose: (_id, data, terms) => {
          this.proposed.push(data);
          this.proposers.push(terms?.caller);
          return Promise.resolve(succeeded(1, EMPTY_BYTES));
        },
        submit: ({ data, settle, caller }) => {
          this.proposed.push(data);
          this.proposers.push(caller);
          settle(succeeded(1, EMPTY_BYTES));
        },
        readBarrier: () => this.barrier(),
      },
      quota: new Quota(QUOTA_BYTES, () => 0),
      requestBytesMax: REQUEST_BYTES_MAX,
      callers: { identify: () => this.identity },
      objection: (_field, _request, identity) => {
        expect(identity).toBe(NOBODY);
        return this.objection;
      },
      onSpaceExceeded: () => this.alarm(),
    });
  }

  propose(bytes = 1): Promise<Outcome> {
    return this.proposer.propose(CALLER, InternalField.PUT, Buffer.alloc(bytes));
  }

  submit(): Promise<Outcome> | undefined {
    const request = Buffer.alloc(1);
    return this.proposer.submit(CALLER, InternalField.PUT, request, () => undefined);
  }
}

test("what a stranger would be refused never reaches the log", async () => {
  const member = new Member();
  await expect(member.propose()).rejects.toThrow("user name is empty");
  await expect(member.submit()).rejects.toThrow("user name is empty");
  expect(member.proposed).toEqual([]);
  member.identity = { username: "somebody", authRevision: 2 };
  await member.propose();
  expect(member.submit()).toBeUndefined();
  expect(member.proposed).toHaveLength(2);
  expect(member.proposers).toEqual([CALLER, CALLER]);
});

test("a member that had not heard of the end of auth proposes what it would have refused", async () => {
  const member = new Member();
  member.barrier = () => {
    member.objection = undefined;
    return Promise.resolve();
  };
  await member.submit();
  expect(member.proposed).toHaveLength(1);
  expect(member.proposers).toEqual([CALLER]);
});

test("a stranger hears first that his request is too large", async () => {
  const member = new Member();
  expect(() => member.propose(REQUEST_BYTES_MAX)).toThrow("request is too large");
});

test("strangers' requests wait for the log up to a limit, and are refused at once beyond it", async () => {
  const member = new Member();
  member.barrier = () => new Promise(() => undefined);
  for (let bytes = 0; bytes < STRANGER_BYTES_MAX; bytes += REQUEST_BYTES_MAX) {
    void member.propose(REQUEST_BYTES_MAX - 100);
  }
  await expect(member.propose(1000)).rejects.toThrow("user name is empty");
  expect(member.proposed).toEqual([]);
});

test("a full database is answered once the alarm is raised, by up to a limit of requests", async () => {
  const member = new Member();
  expect(member.proposer.refusalFor(QUOTA_BYTES - 1)).toBeUndefined();
  const raised = Promise.withResolvers<void>();
  member.alarm = () => raised.promise;
  const answers: string[] = [];
  const ask = (name: string) =>
    Promise.resolve(member.proposer.refusalFor(QUOTA_BYTES)).catch((error: Error) => {
      answers.push(`${name}: ${error.message}`);
    });
  const waiting = Array.from({ length: ALARM_WAITS_MAX }, () => ask("waited"));
  await ask("at once");
  expect(answers).toEqual(["at once: etcdserver: mvcc: database space exceeded"]);
  raised.resolve();
  await Promise.all(waiting);
  expect(answers).toHaveLength(ALARM_WAITS_MAX + 1);
});
