import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
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
}

function ask(client: Client, path: string, request: Buffer): Promise<Said> {
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null) =>
      resolve({ code: error?.code ?? status.OK, text: error?.details ?? "" });
    client.makeUnaryRequest(path, same, same, request, new Metadata(), options, answered);
  });
}

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
  expect(ours?.map(({ code }) => code)).toEqual(theirs?.map(({ code }) => code));
});
