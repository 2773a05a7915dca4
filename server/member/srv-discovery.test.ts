import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { systemNames } from "./name-service.ts";
import { discoverCluster } from "./srv-discovery.ts";

const TYPE_SRV = 33;
const NO_SUCH_NAME = 3;

interface Srv {
  readonly host: string;
  readonly port: number;
  readonly priority?: number;
}

/** Speaks as much of DNS as a question for SRV records needs. */
let server: Socket;
let zone: Readonly<Record<string, readonly Srv[]>>;
let resolver: Resolver;

beforeEach(async () => {
  server = createSocket("udp4");
  server.on("message", (question, from) => server.send(answer(question), from.port, from.address));
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([`127.0.0.1:${server.address().port}`]);
});
afterEach(() => server.close());

function answer(question: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (; question[at] !== 0; at += (question[at] ?? 0) + 1) {
    labels.push(question.toString("latin1", at + 1, at + 1 + (question[at] ?? 0)));
  }
  const records = zone[labels.join(".")];
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8180 | (records === undefined ? NO_SUCH_NAME : 0), 2);
  head.writeUInt16BE(records?.length ?? 0, 6);
  head.writeUInt32BE(0, 8);
  const body = (records ?? []).map(({ host, port, priority = 0 }) => {
    const labels = host === "" ? [] : host.split(".");
    const target = labels.map((label) => Buffer.from(` ${label}`));
    for (const label of target) label[0] = label.length - 1;
    const name = Buffer.concat([...target, Buffer.alloc(1)]);
    const fixed = Buffer.alloc(18);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(TYPE_SRV, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt16BE(6 + name.length, 10);
    fixed.writeUInt16BE(priority, 12);
    fixed.writeUInt16BE(port, 16);
    return Buffer.concat([fixed, name]);
  });
  return Buffer.concat([head, question.subarray(12, at + 5), ...body]);
}

function discover(more: { name?: string; own?: string; srvName?: string } = {}): Promise<string> {
  const names = { ...systemNames(new SystemClock(), resolver), lookUp };
  const config = {
    name: more.name ?? "own",
    discoverySrv: "example.test",
    discoverySrvName: more.srvName ?? "",
    initialAdvertisePeerUrls: [more.own ?? "http://10.0.0.2:2380"],
  };
  return discoverCluster(config, names, SILENT_LOG);
}

const lookUp = (host: string) =>
  Promise.resolve(/^n(\d)\.example\.test$/.exec(host)?.[1]?.replace(/^/, "10.0.0."));

test("the members are those of the records, and the own one is known by its address", async () => {
  zone = {
    "_etcd-server._tcp.example.test": [
      { host: "n3.example.test", port: 2380, priority: 3 },
      { host: "n1.example.test", port: 2380, priority: 1 },
      { host: "n2.example.test", port: 2380, priority: 2 },
    ],
  };
  expect(await discover()).toBe(
    "0=http://n1.example.test:2380,own=http://n2.example.test:2380,1=http://n3.example.test:2380",
  );
});

test("a record that names no host is no member", async () => {
  zone = {
    "_etcd-server._tcp.example.test": [
      { host: "", port: 0 },
      { host: "n2.example.test", port: 2380 },
    ],
  };
  expect(await discover()).toBe("own=http://n2.example.test:2380");
});

test("what is secure comes first, under https, and a service may have a name of its own", async () => {
  zone = {
    "_etcd-server-ssl-blue._tcp.example.test": [{ host: "n2.example.test", port: 2380 }],
    "_etcd-server-blue._tcp.example.test": [{ host: "n1.example.test", port: 2380 }],
  };
  const found = await discover({ srvName: "blue", own: "https://n2.example.test:2380" });
  expect(found).toBe("own=https://n2.example.test:2380,0=http://n1.example.test:2380");
});

test("without records, or without an own one, the member does not start, and says why", async () => {
  zone = {};
  await expect(discover()).rejects.toThrow(
    "error setting up initial cluster: error querying DNS SRV records for _etcd-server-ssl " +
      "lookup _etcd-server-ssl._tcp.example.test: no such host; " +
      "error querying DNS SRV records for _etcd-server " +
      "lookup _etcd-server._tcp.example.test: no such host",
  );
  zone = { "_etcd-server._tcp.example.test": [{ host: "n1.example.test", port: 2380 }] };
  await expect(discover()).rejects.toThrow('cannot find local etcd member "own" in SRV records');
  await expect(discover({ own: "https://10.0.0.1:2380" })).rejects.toThrow(
    "error querying DNS SRV records for _etcd-server bootstrap at http://n1.example.test:2380 " +
      "from DNS for etcd-server has scheme mismatch with expected peer https://10.0.0.1:2380",
  );
});
