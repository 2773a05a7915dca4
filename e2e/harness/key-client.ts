import { prefixEnd } from "../../lib/browser/key-text.ts";
import {
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { must } from "./cluster-client.ts";
import { RpcClient } from "./rpc-client.ts";

const TXN_OPS_MAX = 100;
const TXNS_AT_ONCE = 8;

export type Bytes = string | Uint8Array;

/** Another program that uses the cluster: bare gRPC calls, none of the console's code. */
export class KeyClient {
  readonly #client: RpcClient;

  /** @param url client URL of one member */
  constructor(url: string) {
    this.#client = new RpcClient(new URL(url).host);
  }

  /** Resolves with the revision. */
  async put(key: Bytes, value: Bytes, lease = 0n): Promise<number> {
    const request = PutRequest.fromPartial({ key: bytesOf(key), value: bytesOf(value), lease });
    const { put } = KVDefinition.methods;
    return revisionOf(must(await this.#client.unary(KVDefinition, put, request)));
  }

  /** Puts many keys, up to 100 in one transaction and several transactions at once. */
  async putAll(pairs: readonly (readonly [key: Bytes, value: Bytes])[]): Promise<void> {
    const txns: TxnRequest[] = [];
    for (let at = 0; at < pairs.length; at += TXN_OPS_MAX) {
      const success = pairs
        .slice(at, at + TXN_OPS_MAX)
        .map(([key, value]) =>
          RequestOp.fromPartial({ requestPut: { key: bytesOf(key), value: bytesOf(value) } }),
        );
      txns.push(TxnRequest.fromPartial({ success }));
    }
    const { txn } = KVDefinition.methods;
    for (let at = 0; at < txns.length; at += TXNS_AT_ONCE) {
      const some = txns.slice(at, at + TXNS_AT_ONCE);
      const sent = some.map((request) => this.#client.unary(KVDefinition, txn, request));
      for (const outcome of await Promise.all(sent)) must(outcome);
    }
  }

  /** Resolves with the revision. */
  async delete(key: Bytes): Promise<number> {
    const request = DeleteRangeRequest.fromPartial({ key: bytesOf(key) });
    const { deleteRange } = KVDefinition.methods;
    return revisionOf(must(await this.#client.unary(KVDefinition, deleteRange, request)));
  }

  /** What stands at the key; undefined when there is none. */
  async get(key: Bytes) {
    const request = RangeRequest.fromPartial({ key: bytesOf(key) });
    const { range } = KVDefinition.methods;
    return must(await this.#client.unary(KVDefinition, range, request)).kvs[0];
  }

  /** The keys that start with `prefix`, as text. */
  async keys(prefix: string): Promise<string[]> {
    const request = RangeRequest.fromPartial({
      key: bytesOf(prefix),
      rangeEnd: Buffer.from(prefixEnd(bytesOf(prefix))),
      keysOnly: true,
    });
    const { range } = KVDefinition.methods;
    const { kvs } = must(await this.#client.unary(KVDefinition, range, request));
    return kvs.map((kv) => kv.key.toString("utf8"));
  }

  async compact(revision: number): Promise<void> {
    const request = CompactionRequest.fromPartial({ revision, physical: true });
    must(await this.#client.unary(KVDefinition, KVDefinition.methods.compact, request));
  }

  /** Resolves with the lease's id. */
  async grant(ttlSeconds: number): Promise<bigint> {
    const request = LeaseGrantRequest.fromPartial({ TTL: ttlSeconds });
    const { leaseGrant } = LeaseDefinition.methods;
    return must(await this.#client.unary(LeaseDefinition, leaseGrant, request)).ID;
  }

  /** The keys that hang on a lease, as text. */
  async leaseKeys(id: bigint): Promise<string[]> {
    const request = LeaseTimeToLiveRequest.fromPartial({ ID: id, keys: true });
    const { leaseTimeToLive } = LeaseDefinition.methods;
    const { keys } = must(await this.#client.unary(LeaseDefinition, leaseTimeToLive, request));
    return keys.map((key) => key.toString("utf8"));
  }

  close(): void {
    this.#client.close();
  }
}

function bytesOf(bytes: Bytes): Buffer {
  return typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
}

function revisionOf(response: { header?: { revision: number } | undefined }): number {
  return response.header?.revision ?? 0;
}
