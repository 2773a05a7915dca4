import { Client, type ClientUnaryCall, credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WAITING_MAX } from "../../server/credentials/passwords.ts";
import { AuthDefinition, AuthenticateRequest } from "../../server/proto/gen/rpc.ts";
import { ask, type HttpAnswer } from "../harness/http-client.ts";
import { ClusterProcess, etcdctl, type MemberProcess } from "../harness/member-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Sign-ins with wrong passwords, each of which costs a hash at etcd's own price: more at once than
// may wait. The honest sign in all the same.

const CROWD = WAITING_MAX + 100;
const LIMIT_MS = 100_000;
/** A hash takes less than half a second, also on a busy machine; a thousand take far longer. */
const HONEST_MS = 5_000;
const OTHER_HOST = "127.0.0.2";
const FURNISHING: readonly (readonly string[])[] = [
  ["user", "add", "root:pw"],
  ["user", "grant-role", "root", "root"],
  ["auth", "enable"],
];

let cluster: ClusterProcess;
let member: MemberProcess;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags: [] });
  member = cluster.member(0);
  for (const args of FURNISHING) {
    const result = await etcdctl(ETCD_35, member.clientUrl, args);
    expect(result, args.join(" ")).toMatchObject({ code: 0 });
  }
});

afterAll(() => cluster?.stop());

const { authenticate } = AuthDefinition.methods;
const PATH = `/${AuthDefinition.fullName}/${authenticate.name}`;
const same = (bytes: Buffer) => bytes;

/** Sign-ins that were begun, or ended, by what the member counts. */
async function count(metric: "started" | "handled"): Promise<number> {
  const { body } = await ask(member.clientUrl, { path: "/metrics" });
  return body
    .split("\n")
    .filter((line) => line.startsWith(`grpc_server_${metric}_total{`))
    .filter((line) => line.includes(`grpc_method="${authenticate.name}"`))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** Guesses that the member has heard of all, and waits to judge; `leave` takes them back. */
async function guesses(): Promise<{ readonly leave: () => void }> {
  const client = new Client(new URL(member.clientUrl).host, credentials.createInsecure());
  const before = await count("started");
  const request = AuthenticateRequest.encode({ name: "root", password: "guess" }).finish();
  const options = { deadline: Date.now() + LIMIT_MS };
  const calls: ClientUnaryCall[] = [];
  for (let count = 0; count < CROWD; count++) {
    const bytes = Buffer.from(request);
    calls.push(client.makeUnaryRequest(PATH, same, same, bytes, options, () => {}));
  }
  await expect.poll(() => count("started")).toBe(before + CROWD);
  const leave = () => {
    for (const call of calls) call.cancel();
    client.close();
  };
  return { leave };
}

/** Of whoever is not behind the crowd. */
async function signIn(localAddress: string): Promise<HttpAnswer> {
  const begunMs = performance.now();
  const body = JSON.stringify({ name: "root", password: "pw" });
  const answer = await ask(member.clientUrl, { path: "/v3/auth/authenticate", body, localAddress });
  expect(performance.now() - begunMs).toBeLessThan(HONEST_MS);
  return answer;
}

test("more than may wait, all taken back: the next one is served at once", async () => {
  const { leave } = await guesses();
  leave();
  const begun = await count("started");
  await expect.poll(() => count("handled")).toBe(begun);
  expect(await signIn("127.0.0.1")).toMatchObject({ status: 200 });
});

test("more than may wait, of one host: who comes from another is not behind them", async () => {
  const { leave } = await guesses();
  try {
    for (let nth = 0; nth < 3; nth++) {
      expect(await signIn(OTHER_HOST)).toMatchObject({ status: 200 });
    }
  } finally {
    leave();
  }
});
