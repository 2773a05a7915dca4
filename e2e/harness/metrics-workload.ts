import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Event_EventType } from "../../server/proto/gen/kv.ts";
import {
  CompactionRequest,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  HashKVRequest,
  HashRequest,
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseRevokeRequest,
  MaintenanceDefinition,
  PutRequest,
  type PutResponse,
  RangeRequest,
  TxnRequest,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../server/proto/gen/rpc.ts";
import { must } from "./cluster-client.ts";
import { etcdctl } from "./member-process.ts";
import { RpcClient, type RpcOutcome } from "./rpc-client.ts";
import { ETCD_35 } from "./tools.ts";

const key = (text: string) => Buffer.from(text);
const LEASE = 0x51n;
const SHORT_LEASE = 0x52n;

/** Something of everything that metrics count, always the same, in one order. */
export class MetricsWorkload {
  readonly #url: string;
  readonly #client: RpcClient;
  readonly #streams: { cancel(): void }[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "quorate-workload-"));

  constructor(clientUrl: string) {
    this.#url = clientUrl;
    this.#client = new RpcClient(new URL(clientUrl).host);
  }

  /** Leaves a watch open, for `close` to end. */
  async run(): Promise<void> {
    await this.#keys();
    await this.#transactions();
    await this.#leases();
    await this.#watch();
    await this.#maintenance();
    await fetch(`${this.#url}/health`);
    await fetch(`${this.#url}/readyz`);
    await fetch(`${this.#url}/livez`);
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #keys(): Promise<void> {
    const { put, range, deleteRange, compact } = KVDefinition.methods;
    for (let at = 0; at < 5; at++) await this.#put({ key: key(`k${at}`), value: key("value") });
    await this.#put({ key: key("k0"), value: key("next"), prevKv: true });
    await this.#put({ key: key("k0"), ignoreValue: true });
    await this.#put({ key: key("none"), ignoreValue: true });
    await this.#put({ key: key("k1"), value: key("x"), lease: 99n });
    await this.#put({ key: Buffer.alloc(0) });
    const all = { key: key("k"), rangeEnd: key("l") };
    for (const request of [
      all,
      { ...all, serializable: true },
      { key: key("k0"), revision: 999 },
    ]) {
      await this.#client.unary(KVDefinition, range, RangeRequest.fromPartial(request));
    }
    for (const request of [
      { key: key("k4") },
      { key: key("nothing") },
      { key: key("k2"), rangeEnd: key("k4"), prevKv: true },
    ]) {
      const bytes = DeleteRangeRequest.fromPartial(request);
      await this.#client.unary(KVDefinition, deleteRange, bytes);
    }
    for (const revision of [5, 5, 999]) {
      const request = CompactionRequest.fromPartial({ revision, physical: true });
      await this.#client.unary(KVDefinition, compact, request);
    }
    await this.#client.unary(KVDefinition, put, PutRequest.fromPartial({ key: key("k0") }));
  }

  async #transactions(): Promise<void> {
    const compare = {
      target: Compare_CompareTarget.VERSION,
      result: Compare_CompareResult.GREATER,
      key: key("k0"),
      version: 0n,
    };
    const put = { requestPut: { key: key("t"), value: key("1"), prevKv: true } };
    const range = { requestRange: { key: key("k0") } };
    const remove = { requestDeleteRange: { key: key("t"), prevKv: true } };
    const keeping = { requestPut: { key: key("k0"), ignoreLease: true, value: key("3") } };
    const requests = [
      { compare: [compare], success: [put, range] },
      { compare: [compare, { ...compare, key: key("no") }, compare], failure: [remove] },
      { success: [{ requestTxn: { compare: [compare], success: [put, range, remove] } }] },
      { compare: [compare], success: [range, range] },
      { success: [range] },
      { success: [{ requestPut: { key: key("one") } }] },
      { success: [keeping] },
      { success: [{ requestPut: { key: key("t"), lease: 98n } }] },
    ];
    for (const request of requests) {
      const bytes = TxnRequest.fromPartial(request);
      await this.#client.unary(KVDefinition, KVDefinition.methods.txn, bytes);
    }
  }

  async #leases(): Promise<void> {
    const { leaseGrant, leaseRevoke, leaseKeepAlive } = LeaseDefinition.methods;
    const gone = await this.#deletion("short");
    const grants = [
      { ID: LEASE, TTL: 600 },
      { ID: LEASE, TTL: 600 },
      { ID: SHORT_LEASE, TTL: 1 },
    ];
    for (const grant of grants) {
      const request = LeaseGrantRequest.fromPartial(grant);
      await this.#client.unary(LeaseDefinition, leaseGrant, request);
    }
    await this.#put({ key: key("l1"), lease: LEASE });
    await this.#put({ key: key("l2"), lease: LEASE });
    must(await this.#put({ key: key("short"), lease: SHORT_LEASE }));
    const renewals = this.#client.stream(LeaseDefinition, leaseKeepAlive);
    for (let count = 0; count < 3; count++) {
      const answered = new Promise((resolve) => renewals.once("data", resolve));
      renewals.write(LeaseKeepAliveRequest.fromPartial({ ID: LEASE }));
      await answered;
    }
    const ended = new Promise((resolve) => renewals.once("status", resolve));
    renewals.end();
    await ended;
    const request = LeaseRevokeRequest.fromPartial({ ID: LEASE });
    await this.#client.unary(LeaseDefinition, leaseRevoke, request);
    await gone();
  }

  /**
   * Watches for a deletion: reading until the key is gone would count differently each time.
   * Resolves when the watch is there, with what waits for the deletion.
   */
  async #deletion(name: string): Promise<() => Promise<void>> {
    const stream = this.#client.stream(WatchDefinition, WatchDefinition.methods.watch);
    stream.on("error", () => undefined);
    const gone = new Promise<void>((resolve) => {
      stream.on("data", ({ events }: WatchResponse) => {
        if (events.some(({ type }) => type === Event_EventType.DELETE)) resolve();
      });
    });
    const created = new Promise((resolve) => stream.once("data", resolve));
    stream.write(WatchRequest.fromPartial({ createRequest: { key: key(name) } }));
    await created;
    return async () => {
      await gone;
      stream.cancel();
    };
  }

  async #watch(): Promise<void> {
    const stream = this.#client.stream(WatchDefinition, WatchDefinition.methods.watch);
    this.#streams.push(stream);
    stream.on("error", () => undefined);
    let events = 0;
    let wake = () => undefined as void;
    stream.on("data", (response) => {
      events += response.events.length;
      wake();
    });
    const seen = (count: number) =>
      new Promise<void>((resolve) => {
        wake = () => (events >= count ? resolve() : undefined);
        wake();
      });
    const create = { key: key("w"), rangeEnd: key("x"), prevKv: true };
    stream.write(WatchRequest.fromPartial({ createRequest: create }));
    stream.write(WatchRequest.fromPartial({ createRequest: { key: key("w1") } }));
    await new Promise((resolve) => stream.once("data", resolve));
    await this.#put({ key: key("w1"), value: key("1") });
    await seen(2);
    await this.#put({ key: key("w2"), value: key("2") });
    await seen(3);
  }

  async #maintenance(): Promise<void> {
    const { hash, hashKV } = MaintenanceDefinition.methods;
    await this.#client.unary(MaintenanceDefinition, hash, HashRequest.fromPartial({}));
    await this.#client.unary(MaintenanceDefinition, hashKV, HashKVRequest.fromPartial({}));
    for (const args of [["defrag"], ["snapshot", "save", join(this.#folder, "saved.db")]]) {
      const { code, stderr } = await etcdctl(ETCD_35, this.#url, args);
      if (code !== 0) throw new Error(`etcdctl ${args.join(" ")}: ${stderr}`);
    }
  }

  #put(request: Parameters<typeof PutRequest.fromPartial>[0]): Promise<RpcOutcome<PutResponse>> {
    const bytes = PutRequest.fromPartial(request);
    return this.#client.unary(KVDefinition, KVDefinition.methods.put, bytes);
  }
}
