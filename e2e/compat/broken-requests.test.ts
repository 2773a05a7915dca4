import { connect, type IncomingHttpHeaders } from "node:http2";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  AuthRoleGetResponse,
  RangeResponse,
  type ResponseOp,
  TxnResponse,
} from "../../server/proto/gen/rpc.ts";
import { scrape } from "../harness/exposition.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

// Requests that are no message of protobuf, or one that says more than its type knows: both servers
// come to the same status, and do the same.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const DEADLINE_MS = 10_000;

let clusters: readonly ClusterProcess[] = [];
let clients: readonly Client[] = [];

beforeAll(async () => {
  clusters = await Promise.all(MAKES.map((make) => ClusterProcess.start({ make, size: 1 })));
  clients = clusters.map((cluster) => {
    const { host } = new URL(cluster.member(0).clientUrl);
    return new Client(host, credentials.createInsecure());
  });
});

afterAll(async () => {
  for (const client of clients) client.close();
  for (const cluster of clusters) await cluster.stop();
});

const same = (bytes: Buffer) => bytes;

interface Said {
  readonly code: number;
  readonly text: string;
  readonly answer: Buffer | undefined;
}

function ask(client: Client, path: string, request: Buffer): Promise<Said> {
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null, answer?: Buffer) =>
      resolve({ code: error?.code ?? status.OK, text: error?.details ?? "", answer });
    client.makeUnaryRequest(path, same, same, request, new Metadata(), options, answered);
  });
}

/** How the server ends a stream after this request. */
function endOfStream(client: Client, path: string, request: Buffer): Promise<Said> {
  const options = { deadline: Date.now() + DEADLINE_MS };
  const call = client.makeBidiStreamRequest(path, same, same, new Metadata(), options);
  const ended = new Promise<Said>((resolve) => {
    call.on("error", ({ code, details }: ServiceError) =>
      resolve({ code, text: details, answer: undefined }),
    );
  });
  call.resume();
  call.write(request);
  return ended;
}

/** Code and text, but for what a decoder says in its own words. */
const formOf = ({ code, text }: Said) => [code, text.replace(/^(grpc: [^:]*): .*$/, "$1")];

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const KEY = "0a 01 61";
const MANY = "ff ff ff ff ff ff ff ff";

const REQUESTS: readonly (readonly [name: string, bytes: Buffer])[] = [
  ["nothing", hex("")],
  ["a field that nobody knows", hex(`${KEY} f8 3f 01`)],
  ["a field that nobody knows, of 64 bits", hex(`${KEY} f9 3f ${MANY}`)],
  ["a field that nobody knows, of 32 bits", hex(`${KEY} fd 3f 00 00 00 00`)],
  ["a field that nobody knows, of bytes", hex(`${KEY} fa 3f 02 00 00`)],
  ["a group without an end", hex(`${KEY} fb 3f 08 01`)],
  ["the end of no group", hex(`${KEY} fc 3f`)],
  ["a wire type that there is not", hex(`${KEY} ff 3f`)],
  ["field 0", hex(`${KEY} 00 01`)],
  ["bytes where a number is known", hex(`${KEY} 1a 01 05`)],
  ["a number where bytes are known", hex("08 01")],
  ["a tag of ten bytes", hex(`${KEY} ${MANY} ff 01 00`)],
  ["a tag without an end", hex(`${KEY} ${MANY} ff ff ff`)],
  ["a number without an end", hex(`${KEY} 18 ${MANY} ff ff ff`)],
  ["a number of ten bytes that is too large", hex(`${KEY} 18 ${MANY} ff 7f`)],
  ["a number cut off", hex(`${KEY} 18 80`)],
  ["a length beyond the end", hex("0a 05 61")],
  ["a length of 2^31", hex("0a 80 80 80 80 08 61")],
  ["a length of 2^63", hex(`0a ${"80 ".repeat(9)} 01 61`)],
  ["a length of -1", hex(`0a ${MANY} ff 01 61`)],
  ["a message within that reaches beyond its length", hex("0a 03 1a 04 61 12 00 12 00")],
  ["the same field twice", hex(`${KEY} ${KEY}`)],
];

const PATHS = [
  "KV/Range",
  "KV/Put",
  "KV/DeleteRange",
  "KV/Txn",
  "KV/Compact",
  "Lease/LeaseGrant",
  "Maintenance/HashKV",
  "Maintenance/Alarm",
  "Auth/UserAdd",
].map((method) => `/etcdserverpb.${method}`);

test.each(REQUESTS)("%s", async (_name, bytes) => {
  const said = (client: Client) => Promise.all(PATHS.map((path) => ask(client, path, bytes)));
  const [theirs, ours] = await Promise.all(clients.map(said));
  expect(ours?.map(formOf)).toEqual(theirs?.map(formOf));
});

/** A key, or a part of a transaction, with its field's tag before it. */
const within = (field: number, ...parts: readonly Buffer[]) => {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
};
const put = (key: string) => within(2, within(1, Buffer.from(key)));
const inner = (...operations: readonly Buffer[]) =>
  within(4, ...operations.map((operation) => within(2, operation)));
const range = (key: string) => within(1, within(1, Buffer.from(key)));

/** Operations that are two things at once, and comparisons with two values. */
const DOUBLE: readonly (readonly [name: string, bytes: Buffer])[] = [
  ["a put and a range", within(2, put("x1"), range("a"))],
  ["a range and a put", within(2, range("a"), put("x2"))],
  ["a range and a transaction that puts", within(2, range("a"), inner(put("x3")))],
  ["a transaction that puts and a range", within(2, inner(put("x4")), range("a"))],
  [
    "a transaction that puts and a range, before another transaction",
    Buffer.concat([within(2, inner(put("x5")), range("a")), within(2, inner())]),
  ],
  [
    "a transaction and a put, before another transaction",
    Buffer.concat([within(2, inner(put("x6")), put("x7")), within(2, inner(range("x6")))]),
  ],
  ["a comparison with a version and a value", within(1, hex("20 00 3a 00 1a 01 71"))],
  ["a comparison with a value and a version", within(1, hex("3a 00 20 00 1a 01 71"))],
];

/** Which operations were answered; at which revision is not the same everywhere by now. */
function kindsOf(responses: readonly ResponseOp[]): unknown {
  return responses.map(({ responseTxn, ...others }) =>
    responseTxn === undefined
      ? Object.entries(others).flatMap(([kind, answer]) => (answer === undefined ? [] : kind))
      : kindsOf(responseTxn.responses),
  );
}

test.each(DOUBLE)("the last is meant of %s", async (_name, bytes) => {
  const played = async (client: Client) => {
    const { code, text, answer } = await ask(client, "/etcdserverpb.KV/Txn", bytes);
    const everything = within(1, Buffer.from("x")).toString("hex");
    const kept = await ask(client, "/etcdserverpb.KV/Range", hex(`${everything} 12 01 79`));
    const kvs = RangeResponse.decode(kept.answer ?? Buffer.alloc(0)).kvs;
    const { succeeded, responses } = TxnResponse.decode(answer ?? Buffer.alloc(0));
    const keys = kvs.map(({ key }) => String(key));
    return { code, text, succeeded, kinds: kindsOf(responses), keys };
  };
  const [theirs, ours] = await Promise.all(clients.map(played));
  expect(ours).toEqual(theirs);
});

test("a message that comes in two parts is one, but in a oneof the last part", async () => {
  const name = within(1, Buffer.from("r"));
  const perm = [within(2, hex("12 01 61 08 01")), within(2, hex("1a 01 62 08 02"))];
  const user = [within(1, Buffer.from("u")), within(3, hex("08 01")), within(3, hex(""))];
  const put = within(2, within(2, within(1, Buffer.from("k"))), within(2, hex("12 01 76")));
  const played = async (client: Client) => {
    const said = [
      await ask(client, "/etcdserverpb.Auth/RoleAdd", name),
      await ask(client, "/etcdserverpb.Auth/RoleGrantPermission", Buffer.concat([name, ...perm])),
      await ask(client, "/etcdserverpb.Auth/UserAdd", Buffer.concat(user)),
      await ask(client, "/etcdserverpb.KV/Txn", put),
    ];
    const { answer = hex("") } = await ask(client, "/etcdserverpb.Auth/RoleGet", name);
    return [said.map(({ code, text }) => [code, text]), AuthRoleGetResponse.decode(answer).perm];
  };
  const [theirs, ours] = await Promise.all(clients.map(played));
  expect(ours).toEqual(theirs);
});

test("a stream that cannot be read ends so, and is not counted among those that failed", async () => {
  const broken = hex("0a 05 61");
  const tooLong = Buffer.alloc(3 * 1024 * 1024);
  const ends = async (client: Client, i: number) => {
    const ended: unknown[] = [];
    for (const path of ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"]) {
      for (const request of [broken, tooLong]) {
        ended.push(formOf(await endOfStream(client, path, request)));
      }
    }
    for (const path of ["/etcdserverpb.Maintenance/Snapshot", "/grpc.health.v1.Health/Watch"]) {
      ended.push(formOf(await endOfStream(client, path, broken)));
    }
    const figures = await scrape(clusters[i]?.member(0).clientUrl ?? "");
    return { ended, isCounted: figures.has("etcd_network_server_stream_failures_total") };
  };
  const [theirs, ours] = await Promise.all(clients.map(ends));
  expect(ours).toEqual(theirs);
  expect(ours?.isCounted).toBe(false);
});

test("text that is no UTF-8 is refused where gRPC's own protobuf reads it", async () => {
  const name = hex("0a 01 ff");
  const said = async (client: Client) => [
    formOf(await ask(client, "/grpc.health.v1.Health/Check", name)),
    formOf(await endOfStream(client, "/grpc.health.v1.Health/Watch", name)),
    formOf(await ask(client, "/etcdserverpb.Auth/UserGet", name)),
  ];
  const [theirs, ours] = await Promise.all(clients.map(said));
  expect(ours).toEqual(theirs);
});

test("a time to wait is what Go takes for a number", async () => {
  const times = ["0S", "-0S", "1n", "1u", "-1S", "+5S", "5S", "-S", "1.5S", "S", "5", "5s"];
  const said = (cluster: ClusterProcess) =>
    Promise.all(times.map((time) => statusWithin(cluster.member(0).clientUrl, time)));
  const [theirs, ours] = await Promise.all(clusters.map(said));
  expect(ours).toEqual(theirs);
});

/** Of HTTP and of gRPC, for a read that is asked with this `grpc-timeout`. */
function statusWithin(url: string, timeout: string): Promise<unknown[]> {
  const session = connect(url);
  const stream = session.request({
    ":method": "POST",
    ":path": "/etcdserverpb.KV/Range",
    "content-type": "application/grpc",
    "grpc-timeout": timeout,
    te: "trailers",
  });
  return new Promise((resolve, reject) => {
    const heads: IncomingHttpHeaders[] = [];
    stream.on("response", (head) => heads.push(head));
    stream.on("trailers", (head) => heads.push(head));
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      const said: IncomingHttpHeaders = Object.assign({}, ...heads);
      resolve([said[":status"], said["grpc-status"], said["grpc-message"] ?? ""]);
    });
    stream.resume();
    // A read of the key "a", behind its length.
    stream.end(hex("00 00 00 00 03 0a 01 61"));
  });
}
