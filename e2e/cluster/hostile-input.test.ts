import { setTimeout as delay } from "node:timers/promises";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { ChildrenRequest, TreeDefinition } from "../../server/proto/gen/children.ts";
import { ClusterClient, must } from "../harness/cluster-client.ts";
import { CALM, ClusterProcess, runToEnd } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";

let cluster: ClusterProcess | undefined;
let client: ClusterClient | undefined;

afterEach(async () => {
  client?.close();
  await cluster?.stop();
  client = undefined;
  cluster = undefined;
});

function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** A Put within `levels` transactions within a transaction. */
function nestedPut(levels: number): Buffer {
  const put = Buffer.concat([field(1, Buffer.from("deep")), field(2, Buffer.from("1"))]);
  let txn = field(2, field(2, put));
  for (let level = 0; level < levels; level++) txn = field(2, field(4, txn));
  return txn;
}

function statusOf(raw: Client, path: string, request: Buffer): Promise<number> {
  const same = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null) => resolve(error?.code ?? status.OK);
    raw.makeUnaryRequest(path, same, same, request, new Metadata(), options, answered);
  });
}

test("transactions nested as deep as etcd's are applied and replayed, deeper ones fail alone", async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 1 });
  const member = cluster.member(0);
  const raw = new Client(new URL(member.clientUrl).host, credentials.createInsecure());
  const ordeal = await Ordeal.begin(member, [`${member.clientUrl}/health`]);
  const txns = new Map([127, 128, 1_000, 10_000].map((levels) => [levels, nestedPut(levels)]));
  const txn = (levels: number) =>
    statusOf(raw, "/etcdserverpb.KV/Txn", txns.get(levels) ?? nestedPut(levels));
  const deeper = async () => {
    for (let round = 0; round < 10; round++) {
      for (const levels of [128, 1_000, 10_000]) {
        expect(await txn(levels)).toBe(status.INVALID_ARGUMENT);
      }
    }
  };
  expect(await txn(127)).toBe(status.OK);
  await ordeal.during(deeper);
  await ordeal.outlasts(deeper);
  ordeal.close();
  raw.close();
  await member.stop("SIGKILL");
  member.start();
  await member.ready();
  client = new ClusterClient([member]);
  expect(must(await client.get(0, "deep")).kvs[0]?.version).toBe(1);
});

test("the tree of a member without a leader can be read on request, and else is refused", async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3, flags: CALM });
  client = new ClusterClient(cluster.members);
  for (let at = 0; at < 3; at++) must(await client.put(at, "/a/1", "x"));
  must(await client.get(0, "/a/1"));
  await Promise.all([cluster.member(1).stop("SIGKILL"), cluster.member(2).stop("SIGKILL")]);
  await delay(100);
  const ask = (serializable: boolean) => {
    const request = ChildrenRequest.fromPartial({ separator: Buffer.from("/"), serializable });
    return client?.at(0).unary(TreeDefinition, TreeDefinition.methods.children, request, 3_000);
  };
  expect(await ask(true)).toMatchObject({ response: { count: 1 } });
  expect(await ask(false)).toHaveProperty("failure");
});

test.each([
  [2, ["--no-such-flag"], "flag provided but not defined: -no-such-flag"],
  [2, ["--listen-client-urls=http://127.0.0.1"], "host:port"],
  [1, ["--listen-peer-urls=http://127.0.0.1:65536"], "address 65536: invalid port"],
  [1, ["--listen-peer-urls=http://:2380"], "expected IP in URL for binding"],
  [1, ["--data-dir=/proc/none/x"], "cannot access data directory"],
  [1, ["word"], "'word' is not a valid flag"],
])("what cannot work ends with exit code %i: %j", async (code, flags, text) => {
  const ended = await runToEnd("quorate", flags);
  expect(ended.code).toBe(code);
  expect(ended.output).toContain(text);
});
