import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { NameServer, type Srv } from "./name-server.suite.ts";
import { systemNames } from "./name-service.ts";
import { discoverCluster } from "./srv-discovery.ts";

let server: NameServer;
let resolver: Resolver;

beforeEach(async () => {
  server = await NameServer.start("127.0.0.1", 0);
  resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
});
afterEach(() => server.stop());

function serve(services: Readonly<Record<string, readonly Srv[]>>): void {
  server.zone = { services, hosts: {} };
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
  serve({
    "_etcd-server._tcp.example.test": [
      { host: "n3.example.test", port: 2380, priority: 3 },
      { host: "n1.example.test", port: 2380, priority: 1 },
      { host: "n2.example.test", port: 2380, priority: 2 },
    ],
  });
  expect(await discover()).toBe(
    "0=http://n1.example.test:2380,own=http://n2.example.test:2380,1=http://n3.example.test:2380",
  );
});

test("a record that names no host is no member", async () => {
  serve({
    "_etcd-server._tcp.example.test": [
      { host: "", port: 0 },
      { host: "n2.example.test", port: 2380 },
    ],
  });
  expect(await discover()).toBe("own=http://n2.example.test:2380");
});

test("what is secure comes first, under https, and a service may have a name of its own", async () => {
  serve({
    "_etcd-server-ssl-blue._tcp.example.test": [{ host: "n2.example.test", port: 2380 }],
    "_etcd-server-blue._tcp.example.test": [{ host: "n1.example.test", port: 2380 }],
  });
  const found = await discover({ srvName: "blue", own: "https://n2.example.test:2380" });
  expect(found).toBe("own=https://n2.example.test:2380,0=http://n1.example.test:2380");
});

test("without records, or without an own one, the member does not start, and says why", async () => {
  serve({});
  const at = `on 127.0.0.1:${server.port}: no such host`;
  await expect(discover()).rejects.toThrow(
    "error setting up initial cluster: error querying DNS SRV records for _etcd-server-ssl " +
      `lookup _etcd-server-ssl._tcp.example.test ${at}; ` +
      "error querying DNS SRV records for _etcd-server " +
      `lookup _etcd-server._tcp.example.test ${at}`,
  );
  serve({ "_etcd-server._tcp.example.test": [{ host: "n1.example.test", port: 2380 }] });
  await expect(discover()).rejects.toThrow('cannot find local etcd member "own" in SRV records');
  await expect(discover({ own: "https://10.0.0.1:2380" })).rejects.toThrow(
    "error querying DNS SRV records for _etcd-server bootstrap at http://n1.example.test:2380 " +
      "from DNS for etcd-server has scheme mismatch with expected peer https://10.0.0.1:2380",
  );
});
