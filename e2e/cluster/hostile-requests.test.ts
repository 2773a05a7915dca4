import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { KVDefinition, RangeRequest } from "../../server/proto/gen/rpc.ts";
import { ACCESS_CASES } from "../compat/access-cases.ts";
import { declaredMethods } from "../compat/access-methods.ts";
import { ClusterClient, must } from "../harness/cluster-client.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import type { RawMethod } from "../harness/raw-caller.ts";

// Requests of every method that the proto files declare, changed a little: each is answered, or
// waited for in peace where waiting is what was asked; and what was taken survives a kill.

const SEED = 20_261;
const LIMIT_MS = 10_000;
const ROUNDS = 10;
const PER_ROUND = 8;
const INTERNAL = "internal error";
const UNAVAILABLE = 14;

/** Not asked, and why. */
const SPARED: ReadonlyMap<string, string> = new Map([
  ["/etcdserverpb.Auth/AuthEnable", "nobody would be served from then on"],
  ["/etcdserverpb.Maintenance/Alarm", "an alarm refuses the writes of everybody"],
  ["/etcdserverpb.Maintenance/Downgrade", "the member would wait for an older one"],
  ["/etcdserverpb.Cluster/MemberAdd", "a member that never comes takes the majority away"],
  ["/etcdserverpb.Cluster/MemberRemove", "the member would remove itself and end"],
]);

const METHODS = declaredMethods().filter((path) => !SPARED.has(path));

/** Of two changes of members at the same time one is not taken, and waits until its time is over. */
const ONE_BY_ONE = new Set([
  "/etcdserverpb.Cluster/MemberUpdate",
  "/etcdserverpb.Cluster/MemberPromote",
]);

/** With one answer, which may be long in coming. */
const PATIENT = new Set(["/v3lockpb.Lock/Lock", "/v3electionpb.Election/Campaign"]);

let cluster: ClusterProcess;
let member: MemberProcess;
let client: ClusterClient;
let raw: Client;
let ordeal: Ordeal;

beforeAll(async () => {
  const flags = ["--bcrypt-cost=4"];
  cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags });
  member = cluster.member(0);
  client = new ClusterClient([member]);
  must(await client.put(0, "kept", "1"));
  raw = new Client(new URL(member.clientUrl).host, credentials.createInsecure());
  ordeal = await Ordeal.begin(member, [`${member.clientUrl}/health`]);
});

afterAll(async () => {
  ordeal?.close();
  raw?.close();
  client?.close();
  await cluster?.stop();
});

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/** Flips, cuts, repeats and inserts, a few at a time. */
function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(result.length + 1);
    const kind = random.below(4);
    const piece = kind === 3 ? result.subarray(0, at) : randomBytes(random, 1 + random.below(12));
    if (kind === 0 && at < result.length) result[at] = random.below(256);
    else if (kind === 1) result = result.subarray(0, at);
    else result = Buffer.concat([result.subarray(0, at), piece, result.subarray(at)]);
  }
  return result;
}

const same = (bytes: Buffer) => bytes;

const { range } = KVDefinition.methods;
const RANGE_PATH = `/${KVDefinition.fullName}/${range.name}`;
const KEPT = Buffer.from(
  RangeRequest.encode(RangeRequest.fromPartial({ key: Buffer.from("kept") })).finish(),
);

interface Ending {
  readonly code: number;
  readonly details: string;
}

const ANSWERED: Ending = { code: 0, details: "" };

/** Resolves with how it ended, or with its first answer. */
function begin(path: string, method: RawMethod, request: Buffer) {
  const options = { deadline: Date.now() + LIMIT_MS };
  const call = raw.makeBidiStreamRequest(path, same, same, new Metadata(), options);
  const ended = new Promise<Ending>((resolve) => {
    call.on("data", () => {
      resolve(ANSWERED);
      if (method.responseStream) call.cancel();
    });
    call.on("error", (error) => resolve(error as unknown as Ending));
    call.on("end", () => resolve(ANSWERED));
  });
  call.end(request);
  return { ended, giveUp: () => call.cancel() };
}

/** Where nothing may come, only an answer to what was asked behind them is waited for: they were read. */
async function pour(path: string, method: RawMethod, requests: readonly Buffer[]): Promise<void> {
  const calls = requests.map((request) => begin(path, method, request));
  if (method.responseStream || PATIENT.has(path)) {
    expect(await begin(RANGE_PATH, range, KEPT).ended, path).toEqual(ANSWERED);
    for (const { giveUp } of calls) giveUp();
  }
  for (const { code, details } of await Promise.all(calls.map(({ ended }) => ended))) {
    expect(details, path).not.toBe(INTERNAL);
    expect(details, path).not.toContain("Deadline exceeded");
    expect(code, `${path}: ${details}`).not.toBe(UNAVAILABLE);
  }
}

async function pourAll(seed: number, rounds: number): Promise<void> {
  const random = new SeededRandom(seed);
  for (const path of METHODS) {
    const entry = ACCESS_CASES.get(path);
    if (entry === undefined) throw new RangeError(`nothing is known to ask ${path}`);
    const { method, cases } = entry;
    const samples = cases.map(({ request }) => {
      const message = method.requestType.fromPartial(request);
      return Buffer.from(method.requestType.encode(message as never).finish());
    });
    for (let round = 0; round < rounds; round++) {
      const requests = Array.from({ length: PER_ROUND }, (_, at) =>
        mutated(random, samples[at % samples.length] ?? Buffer.alloc(0)),
      );
      const batches = ONE_BY_ONE.has(path) ? requests.map((each) => [each]) : [requests];
      for (const batch of batches) await pour(path, method, batch);
    }
  }
}

test("every method that is spared exists", () => {
  expect([...SPARED.keys(), ...PATIENT].filter((path) => !ACCESS_CASES.has(path))).toEqual([]);
});

test("requests of every method, mutated: each is answered, and nobody else waits", async () => {
  await ordeal.duringWrites(() => pourAll(SEED, ROUNDS));
});

test("when they are over, so is what they took", async () => {
  await ordeal.outlasts(() => pourAll(SEED + 1, 2));
});

test("what was taken of them survives a kill", async () => {
  const keptNow = async () => {
    const { header } = must(await client.get(0, "kept"));
    const revision = header?.revision ?? 0;
    return `${await client.hashKv(0, revision)} at ${revision}`;
  };
  const before = await keptNow();
  await member.stop("SIGKILL");
  member.start();
  await member.ready();
  expect(await keptNow()).toBe(before);
});
