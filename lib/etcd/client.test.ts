import {
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import {
  AuthenticateRequest,
  AuthenticateResponse,
  KVDefinition,
  PutRequest,
  RangeRequest,
  RangeResponse,
  StatusResponse,
} from "../../server/proto/gen/rpc.ts";
import { children } from "./children.ts";
import { EtcdClient } from "./client.ts";
import { statusOf } from "./maintenance.ts";

type Answer = (token: string | undefined, request: Buffer) => Buffer | Error | undefined;

const AUTHENTICATE = "/etcdserverpb.Auth/Authenticate";
const RANGE = "/etcdserverpb.KV/Range";
const PUT = "/etcdserverpb.KV/Put";
const STATUS = "/etcdserverpb.Maintenance/Status";
const CHILDREN = "/quorate.v1.Tree/Children";
/** For what has to succeed, however busy the machine is. */
const AMPLE_MS = 15_000;
/** After that the wait for a token would have ended by itself. */
const TOKEN_WAIT_MS = 5_000;
const USER = { name: "root", password: "canary" };

const opened: { close(): void }[] = [];

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function refusal(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}

const bytes = (message: { finish(): Uint8Array }): Buffer => Buffer.from(message.finish());

/** Answers by path; what answers nothing keeps silent on a connection that stands. */
async function member(answers: Readonly<Record<string, Answer>>) {
  const asked: { path: string; token: string | undefined; request: Buffer }[] = [];
  const server = new Server();
  const raw = (value: Buffer): Buffer => value;
  for (const path of [AUTHENTICATE, RANGE, PUT, STATUS, CHILDREN]) {
    const handle: UntypedHandleCall = (
      call: { metadata: Metadata; request: Buffer },
      done: (error: Error | null, reply?: Buffer) => void,
    ) => {
      const token = call.metadata.get("token")[0]?.toString();
      asked.push({ path, token, request: call.request });
      const reply = answers[path]?.(token, call.request);
      if (reply instanceof Error) done(reply);
      else if (reply !== undefined) done(null, reply);
    };
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    };
    server.addService({ call: definition }, { call: handle });
  }
  const credentials = ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  opened.push({ close: () => server.forceShutdown() });
  return { url: `http://127.0.0.1:${port}`, asked };
}

function clientOf(endpoints: readonly string[], user?: typeof USER): EtcdClient {
  const client = new EtcdClient({ endpoints, user });
  opened.push(client);
  return client;
}

const header = { memberId: 7n, revision: 3 };
const ONE_KEY = RangeRequest.fromPartial({ key: Buffer.from("a") });
const emptyRange = () => bytes(RangeResponse.encode(RangeResponse.fromPartial({ header })));
const anyStatus = () => bytes(StatusResponse.encode(StatusResponse.fromPartial({ header })));
const granting = (token: string): Answer => {
  return () => bytes(AuthenticateResponse.encode(AuthenticateResponse.fromPartial({ token })));
};
const range = (client: EtcdClient, deadlineMs: number, signal?: AbortSignal) =>
  client.read(KVDefinition, KVDefinition.methods.range, ONE_KEY, { deadlineMs, signal });

test("a member without the Tree service is asked by Range, whoever keeps silent beside it", async () => {
  const real = await member({
    [CHILDREN]: () => refusal(status.UNIMPLEMENTED, "unknown service quorate.v1.Tree"),
    [RANGE]: emptyRange,
  });
  const frozen = await member({});
  const client = clientOf([real.url, frozen.url]);
  const query = { prefix: Buffer.from(""), separator: Buffer.from("/"), limit: 10 };
  expect(await children(client, query)).toMatchObject({ memberId: 7n, count: 0 });
  expect(frozen.asked).toEqual([]);
});

test("a member that hands out no token holds up none of the others", async () => {
  const frozen = await member({});
  const healthy = await member({ [AUTHENTICATE]: granting("t"), [STATUS]: anyStatus });
  const client = clientOf([frozen.url, healthy.url], USER);
  const stuck = statusOf(client, frozen.url, { deadlineMs: 300 });
  const alive = statusOf(client, healthy.url, { deadlineMs: AMPLE_MS });
  expect(await alive).toMatchObject({ memberId: 7n });
  await expect(stuck).rejects.toMatchObject({ code: "timeout", endpoint: frozen.url });
});

test("waiting for a token ends with the caller's own deadline, and with its signal", async () => {
  const frozen = await member({});
  const client = clientOf([frozen.url], USER);
  const startedAt = performance.now();
  await expect(range(client, 200)).rejects.toMatchObject({ code: "timeout" });
  const control = new AbortController();
  const cancelled = range(client, 60_000, control.signal);
  setTimeout(() => control.abort(), 50);
  await expect(cancelled).rejects.toMatchObject({ code: "unavailable" });
  expect(performance.now() - startedAt).toBeLessThan(TOKEN_WAIT_MS);
  expect(frozen.asked.map(({ path }) => path)).toEqual([AUTHENTICATE]);
});

test("a write that waited for a token in vain was never sent, and goes elsewhere", async () => {
  const leaderless = refusal(status.UNAVAILABLE, "etcdserver: request timed out");
  const cut = await member({ [AUTHENTICATE]: () => leaderless });
  const put = (client: EtcdClient, deadlineMs: number) =>
    client.write(KVDefinition, KVDefinition.methods.put, PutRequest.fromPartial({}), {
      deadlineMs,
    });
  const alone = clientOf([cut.url], USER);
  await expect(put(alone, 1_000)).rejects.toMatchObject({ code: "timeout", neverSent: true });
  const frozen = await member({});
  const stuck = clientOf([frozen.url], USER);
  await expect(put(stuck, 200)).rejects.toMatchObject({ code: "timeout", neverSent: true });
  const healthy = await member({ [AUTHENTICATE]: granting("t"), [PUT]: () => Buffer.alloc(0) });
  await put(clientOf([cut.url, healthy.url], USER), AMPLE_MS);
  expect(healthy.asked.map(({ token }) => token)).toEqual([undefined, "t"]);
});

test("requests whose token etcd blames share the next one", async () => {
  let granted = 0;
  const cluster = await member({
    [AUTHENTICATE]: (_, request) => {
      expect(AuthenticateRequest.decode(request)).toMatchObject(USER);
      return granting(`t${++granted}`)(undefined, request);
    },
    [RANGE]: (token) =>
      token === "t1"
        ? refusal(status.UNAUTHENTICATED, "etcdserver: invalid auth token")
        : emptyRange(),
  });
  const client = clientOf([cluster.url], USER);
  await Promise.all([1, 2, 3, 4].map(() => range(client, AMPLE_MS)));
  expect(granted).toBe(2);
});

test("half a pair in a name or password is no byte that somebody else could have", async () => {
  const asked: Buffer[] = [];
  const cluster = await member({
    [AUTHENTICATE]: (_, request) => {
      asked.push(Buffer.from(request));
      return granting("t")(undefined, request);
    },
    [RANGE]: emptyRange,
  });
  await range(clientOf([cluster.url], { name: "p\udce4", password: "\udce5" }), AMPLE_MS);
  expect(asked.map((bytes) => bytes.toString("hex"))).toEqual(["0a0470efbfbd1203efbfbd"]);
});

test("a member known by its own word gets no credentials where ours travel by TLS", async () => {
  const user = "etcdserver: user name is empty";
  const guest = await member({
    [AUTHENTICATE]: granting("t"),
    [STATUS]: anyStatus,
    [RANGE]: () => refusal(status.INVALID_ARGUMENT, user),
  });
  const secure = clientOf(["https://127.0.0.1:1"], USER);
  expect(await statusOf(secure, guest.url)).toMatchObject({ memberId: 7n });
  const { range: method } = KVDefinition.methods;
  const refused = secure.ask(guest.url, KVDefinition, method, ONE_KEY);
  await expect(refused).rejects.toMatchObject({
    code: "etcd-unauthenticated",
    message: expect.stringContaining(`${guest.url} gets no credentials`),
  });
  expect(guest.asked.map(({ path, token }) => [path, token])).toEqual([
    [STATUS, undefined],
    [RANGE, undefined],
  ]);

  const plain = clientOf(["http://127.0.0.1:1"], USER);
  await statusOf(plain, guest.url);
  expect(guest.asked.at(-1)).toMatchObject({ path: STATUS, token: "t" });
});
