import { EtcdError } from "../errors.ts";
import {
  type CampaignRequest,
  type CampaignResponse,
  ElectionDefinition,
  type LeaderKey,
  LeaderRequest,
} from "../proto/gen/election.ts";
import { RequestOp, type ResponseHeader } from "../proto/gen/rpc.ts";
import type { WatchHub } from "../watch/hub.ts";
import { decodeRequest } from "./call-errors.ts";
import type { CallContext, Dispatcher } from "./dispatch.ts";
import {
  createdAt,
  firstKey,
  ownKey,
  queueRange,
  sessionLease,
  waitForTurn,
  withdrawn,
} from "./key-queue.ts";
import { LocalClient, LocalServices } from "./local-client.ts";
import { Observation } from "./observation.ts";

export interface ElectionServiceOptions {
  readonly hub: WatchHub;
  /** The header of an answer that shows a revision. */
  readonly header: (revision: number) => ResponseHeader;
}

/** Leaders under names: whoever's key is the oldest leads, and its value says what it proclaims. */
export function registerElection(dispatcher: Dispatcher, options: ElectionServiceOptions): void {
  const { hub } = options;
  const services = new LocalServices(dispatcher);
  dispatcher.unary(ElectionDefinition, "campaign", (request, context) => {
    return campaign(new LocalClient(services, context), hub, request, context);
  });
  dispatcher.unary(ElectionDefinition, "proclaim", async ({ leader, value }, context) => {
    const client = new LocalClient(services, context);
    return { header: await proclaim(client, await resumed(client, leader), value) };
  });
  dispatcher.unary(ElectionDefinition, "leader", async ({ name }, context) => {
    const client = new LocalClient(services, context);
    const { header, kvs } = await client.range(firstKey(queueRange(name)));
    const [kv] = kvs;
    if (kv === undefined) throw new EtcdError("ElectionNoLeader");
    return { header, kv };
  });
  dispatcher.unary(ElectionDefinition, "resign", async ({ leader }, context) => {
    const client = new LocalClient(services, context);
    return { header: await resign(client, await resumed(client, leader)) };
  });
  dispatcher.stream(ElectionDefinition, "observe", (call) => {
    const client = new LocalClient(services, call);
    return new Observation(call, { ...options, client }, (bytes) => {
      return queueRange(decodeRequest(LeaderRequest, bytes).name);
    });
  });
}

async function campaign(
  client: LocalClient,
  hub: WatchHub,
  { name, lease: given, value }: CampaignRequest,
  context: CallContext,
): Promise<CampaignResponse> {
  const lease = await sessionLease(client, given);
  const queue = queueRange(name);
  const key = ownKey(queue, lease);
  const { header, succeeded, responses } = await client.txn({
    compare: [createdAt(key, 0)],
    success: [RequestOp.fromPartial({ requestPut: { key, value, lease } })],
    failure: [RequestOp.fromPartial({ requestRange: { key } })],
  });
  const own = succeeded ? undefined : responses[0]?.responseRange?.kvs[0];
  const rev = own?.createRevision ?? header?.revision ?? 0;
  const leader = { name, key, rev, lease };
  if (own !== undefined && !own.value.equals(value)) {
    try {
      await proclaim(client, leader, value);
    } catch (thrown) {
      await withdrawn(resign(client, leader));
      throw thrown;
    }
  }
  try {
    await waitForTurn(client, hub, queue, rev - 1, context);
  } catch (thrown) {
    if (context.isCanceled) await withdrawn(resign(client, leader));
    throw thrown;
  }
  return { header, leader };
}

/** What the caller says it was when it won. */
async function resumed(client: LocalClient, leader: LeaderKey | undefined): Promise<LeaderKey> {
  if (leader === undefined) throw new EtcdError("LeaderFieldMissing");
  return { ...leader, lease: await sessionLease(client, leader.lease) };
}

async function proclaim(
  client: LocalClient,
  { key, rev, lease }: LeaderKey,
  value: Buffer,
): Promise<ResponseHeader | undefined> {
  const { header, succeeded } = await client.txn({
    compare: [createdAt(key, rev)],
    success: [RequestOp.fromPartial({ requestPut: { key, value, lease } })],
  });
  if (!succeeded) throw new EtcdError("ElectionNotLeader");
  return header;
}

/** Whoever does not lead any more has nothing to give up: no error. */
async function resign(
  client: LocalClient,
  { key, rev }: LeaderKey,
): Promise<ResponseHeader | undefined> {
  const { header } = await client.txn({
    compare: [createdAt(key, rev)],
    success: [RequestOp.fromPartial({ requestDeleteRange: { key } })],
  });
  return header;
}
