import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CertificateAuthority } from "../harness/certificates.ts";
import { ask } from "../harness/http-client.ts";
import { MemberClient } from "../harness/member-client.ts";
import { ClusterProcess, etcdctl, type Make, runToEnd } from "../harness/member-process.ts";
import { SecureMember, secureCurl, secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_35 } from "../harness/tools.ts";

// What implementers of etcd fall into, one test each: of users, HTTP, flags, metrics and logs.
// Debian's etcd is the control.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const ROOT = "--user=root:secret";

/** etcdctl's commands, one after the other. Throws with what it said when one fails. */
async function commands(
  endpoints: string,
  lines: readonly string[],
  first: readonly string[] = [],
): Promise<void> {
  for (const line of lines) {
    const { code, stderr } = await etcdctl(ETCD_35, endpoints, [...first, ...line.split(" ")]);
    if (code !== 0) throw new Error(`${line}: ${stderr}`);
  }
}

describe.each(MAKES)("%s", (make) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-traps-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("trap 25: a range needs its permissions' union, a lease's writer all keys; trap 04: a refused watch is created and canceled in one", async () => {
    const cluster = await ClusterProcess.start({ make, size: 1 });
    const at = cluster.endpoints;
    try {
      await commands(at, [
        "user add root:secret",
        "user grant-role root root",
        "role add part",
        "role grant-permission part read a b",
        "role grant-permission part read b c",
        "role grant-permission part write mine",
        "user add u:p",
        "user grant-role u part",
        "lease grant 600",
        "auth enable",
      ]);
      const asUser = async (...args: string[]) => {
        const { code, stderr } = await etcdctl(ETCD_35, at, ["--user=u:p", ...args]);
        return code === 0 ? "" : stderr;
      };
      expect(await asUser("get", "a", "c")).toBe("");
      expect(await asUser("get", "a", "d")).toContain("etcdserver: permission denied");
      expect(await asUser("put", "mine", "1")).toBe("");
      const listed = await etcdctl(ETCD_35, at, [ROOT, "lease", "list"]);
      const lease = listed.stdout.trim().split("\n").at(-1) ?? "";
      expect(await asUser("put", "mine", "2", `--lease=${lease}`)).toBe("");
      await commands(at, [`put others 1 --lease=${lease}`], [ROOT]);
      expect(await asUser("put", "mine", "3", `--lease=${lease}`)).toContain(
        "etcdserver: permission denied",
      );
      const watch = { path: "/v3/watch", body: '{"create_request":{"key":"ZA=="}}', lines: 1 };
      const refused = (reason: string) => ({
        result: { watch_id: "-1", created: true, canceled: true, cancel_reason: reason },
      });
      expect(JSON.parse((await ask(at, watch)).body)).toMatchObject(
        refused("rpc error: code = InvalidArgument desc = etcdserver: user name is empty"),
      );
      // A token of before a change still names its user, and is judged by what holds now.
      const login = { path: "/v3/auth/authenticate", body: '{"name":"u","password":"p"}' };
      const { token } = JSON.parse((await ask(at, login)).body) as { token: string };
      const named = { ...watch, headers: { Authorization: token } };
      expect(JSON.parse((await ask(at, named)).body)).toMatchObject(
        refused("rpc error: code = PermissionDenied desc = etcdserver: permission denied"),
      );
      await commands(at, ["role revoke-permission part mine"], [ROOT]);
      const put = { path: "/v3/kv/put", body: '{"key":"bWluZQ=="}' };
      const answer = await ask(at, { ...put, headers: { Authorization: token } });
      expect(answer.body).toContain("etcdserver: ");
      expect([400, 403]).toContain(answer.status);
    } finally {
      await cluster.stop();
    }
  });

  test("trap 26: a certificate's name is an identity, but none at the gateway; role root need not be, but root must have it", async () => {
    const own = await CertificateAuthority.create(folder, "own");
    const server = await own.issue("server", { commonName: "member", ips: ["127.0.0.1"] });
    const certificate = await own.issue("root", { commonName: "root", uses: ["client"] });
    const flags = ["", "peer-"].flatMap((side) => [
      `--${side}cert-file=${server.cert}`,
      `--${side}key-file=${server.key}`,
      `--${side}trusted-ca-file=${own.file}`,
    ]);
    const member = await SecureMember.start(make, [...flags, "--client-cert-auth"]);
    const material = { authority: own.file, certificate };
    try {
      const at = member.process.clientUrl;
      const enable = async () => {
        const { body, status } = await ask(at, { path: "/v3/auth/enable", body: "{}" });
        return [status, (JSON.parse(body) as { message?: string }).message];
      };
      expect(await enable()).toEqual([400, "etcdserver: root user does not exist"]);
      await commands(at, ["user add root:secret"]);
      expect(await enable()).toEqual([400, "etcdserver: root user does not have root role"]);
      await commands(at, ["user grant-role root root"]);
      expect(await enable()).toEqual([200, undefined]);
      const users = await secureEtcdctl(ETCD_35, member.secureUrl, material, ["user", "list"]);
      expect([users.code, users.stdout]).toEqual([0, "root\n"]);
      const roles = await secureEtcdctl(ETCD_35, member.secureUrl, material, ["role", "list"]);
      expect([roles.code, roles.stdout]).toEqual([0, ""]);
      const read = ["--data", '{"key":"Zm9v"}'];
      const gateway = await secureCurl(`${member.secureUrl}/v3/kv/range`, material, read);
      expect(gateway.stdout).toMatch(
        /^CommonName of client sending a request against gateway will be ignored .* 400$/s,
      );
    } finally {
      await member.stop();
    }
  });

  test("trap 27: a variable beside its flag is fatal; a file puts flags aside; its times are numbers", async () => {
    const shadowed = await runToEnd(make, ["--name=x"], { ETCD_NAME: "y" });
    expect(shadowed.code).toBe(1);
    expect(shadowed.output).toContain("is shadowed by corresponding command-line flag");
    const file = join(folder, "etcd.yaml");
    // Were the flag heard, it would not be the file that is at fault.
    writeFileSync(file, "listen-peer-urls: http://nowhere.example:1\n");
    const args = [`--config-file=${file}`, "--listen-peer-urls=http://127.0.0.1:0"];
    const filed = await runToEnd(make, args);
    expect(filed.code).toBe(1);
    expect(filed.output).toContain("nowhere.example");
    writeFileSync(file, "grpc-keepalive-min-time: 5s\n");
    const timed = await runToEnd(make, [`--config-file=${file}`]);
    expect(timed.code).toBe(1);
    expect(timed.output).toContain("time.Duration");
  });

  test("trap 28: the gateway's numbers are strings, its names the declared ones, its zeros silent", async () => {
    const cluster = await ClusterProcess.start({ make, size: 1 });
    const url = cluster.member(0).clientUrl;
    try {
      const post = async (path: string, body: string, type: string) => {
        const headers = { "Content-Type": type };
        return JSON.parse((await ask(url, { path, body, headers })).body) as object;
      };
      await post("/v3/kv/put", '{"key":"YQ==","lease":0}', "text/html");
      const read = '{"key":"YQ==","rangeEnd":"Yg=="}';
      const found = await post("/v3/kv/range", read, "application/x-www-form-urlencoded");
      expect(found).toEqual({
        header: {
          cluster_id: expect.stringMatching(/^\d+$/) as string,
          member_id: expect.stringMatching(/^\d+$/) as string,
          revision: "2",
          raft_term: expect.stringMatching(/^\d+$/) as string,
        },
        kvs: [{ key: "YQ==", create_revision: "2", mod_revision: "2", version: "1" }],
        count: "1",
      });
      expect((await ask(url, { path: "/health" })).body).toBe('{"health":"true","reason":""}');
    } finally {
      await cluster.stop();
    }
  });

  test("trap 29: every method has its counters from the start; a stream is handled at its end", async () => {
    const cluster = await ClusterProcess.start({ make, size: 1 });
    const url = cluster.member(0).clientUrl;
    const client = new MemberClient(url);
    const count = async (metric: string, method: string, rest = "") => {
      const { body } = await ask(url, { path: "/metrics" });
      const wanted = new RegExp(
        `^${metric}\\{(?=[^}]*grpc_method="${method}")${rest}.*\\} (\\d+)$`,
        "m",
      );
      return Number(wanted.exec(body)?.[1] ?? Number.NaN);
    };
    try {
      expect(await count("grpc_server_started_total", "LeaseRevoke")).toBe(0);
      expect(await count("grpc_server_handled_total", "UserAdd", '(?=[^}]*grpc_code="OK")')).toBe(
        0,
      );
      const watch = client.watch();
      watch.create("a");
      await watch.next();
      const service = '(?=[^}]*grpc_service="etcdserverpb.Watch")';
      const canceled = `${service}(?=[^}]*grpc_code="Canceled")`;
      expect(await count("grpc_server_started_total", "Watch", service)).toBe(1);
      expect(await count("grpc_server_handled_total", "Watch", canceled)).toBe(0);
      watch.close();
      await expect.poll(() => count("grpc_server_handled_total", "Watch", canceled)).toBe(1);
      const { body } = await ask(url, { path: "/metrics" });
      expect(body).toMatch(/^etcd_debugging_lease_granted_total 0$/m);
      expect(body).toMatch(/^etcd_server_is_leader 1$/m);
    } finally {
      client.close();
      await cluster.stop();
    }
  });

  test("trap 30: the log says when it is ready, as JSON; an unknown flag ends the start", async () => {
    const cluster = await ClusterProcess.start({ make, size: 1 });
    await cluster.member(0).wrote(/"ready to serve client requests"/);
    const line = cluster
      .member(0)
      .output.split("\n")
      .find((each) => each.includes('"ready to serve client requests"'));
    await cluster.stop();
    expect(JSON.parse(line ?? "")).toMatchObject({
      level: "info",
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/) as string,
      caller: expect.any(String) as string,
      msg: "ready to serve client requests",
    });
    const { code, output } = await runToEnd(make, ["--no-such-flag"]);
    expect(code).toBe(2);
    expect(output).toContain("flag provided but not defined: -no-such-flag");
  });
});

test("trap 29: labels stand in the order of their names, and of a bucket its bound last", async () => {
  const orders = await Promise.all(
    MAKES.map(async (make) => {
      const cluster = await ClusterProcess.start({ make, size: 2, flags: ["--metrics=extensive"] });
      const { clientUrl } = cluster.member(0);
      const client = new MemberClient(clientUrl);
      try {
        await client.put("counted", "by version");
        return labelOrders((await ask(clientUrl, { path: "/metrics" })).body);
      } finally {
        client.close();
        await cluster.stop();
      }
    }),
  );
  const [ours, theirs] = orders as [Map<string, string>, Map<string, string>];
  const common = [...theirs].filter(([name]) => ours.has(name));
  expect(common.length).toBeGreaterThan(100);
  expect(common.map(([name]) => [name, ours.get(name)])).toEqual(common);
  const several = common.map(([, order]) => order).filter((order) => order.includes(","));
  expect([...new Set(several)].toSorted()).toEqual([
    "Local,Remote",
    "client_api_version,type",
    "grpc_code,grpc_method,grpc_service,grpc_type",
    "grpc_method,grpc_service,grpc_type",
    "grpc_method,grpc_service,grpc_type,le",
    "op,success,version",
    "op,success,version,le",
  ]);
});

/** By the name of a sample, the names of its labels as they are printed; of all lines the same. */
function labelOrders(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, labels = ""] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const order = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label]) => label).join();
    expect(found.get(name) ?? order, line).toBe(order);
    found.set(name, order);
  }
  return found;
}
