import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdClient } from "../../lib/etcd/client.ts";
import { ClusterError } from "../../lib/etcd/cluster-error.ts";
import { create, get, putIfUnchanged } from "../../lib/etcd/kv.ts";
import { createWithTtl } from "../../lib/etcd/leased-key.ts";
import { followWatch } from "../../lib/etcd/watch.ts";
import { Permission_Type } from "../../server/proto/gen/auth.ts";
import {
  AuthDefinition,
  AuthEnableRequest,
  AuthRoleAddRequest,
  AuthRoleGrantPermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserGrantRoleRequest,
  LeaseDefinition,
} from "../../server/proto/gen/rpc.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { ETCD_34, ETCD_35 } from "../harness/tools.ts";

// The console's client against clusters with TLS and with users.

const bytes = (text: string): Buffer => Buffer.from(text);

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return "answered";
  } catch (error) {
    if (error instanceof ClusterError) return error.code;
    throw error;
  }
}

describe.each([ETCD_34, ETCD_35])("TLS, against etcd $version", (tools) => {
  let folder: string;
  let child: ChildProcess;
  let endpoint: string;
  let authority: Buffer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "quorate-tls-"));
    const [client, peer] = (await freePorts(2)) as [number, number];
    endpoint = `https://127.0.0.1:${client}`;
    const args = [
      "--name=tls",
      `--data-dir=${folder}`,
      "--auto-tls",
      `--listen-client-urls=${endpoint}`,
      `--advertise-client-urls=${endpoint}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=tls=http://127.0.0.1:${peer}`,
    ];
    child = spawn(tools.etcd, args, { stdio: "ignore" });
    const certificate = join(folder, "fixtures/client/cert.pem");
    // etcd writes the key behind the certificate.
    while (!existsSync(join(folder, "fixtures/client/key.pem"))) await delay(50);
    authority = readFileSync(certificate);
    // It writes both before it serves.
    const trusting = new EtcdClient({ endpoints: [endpoint], tls: { authority } });
    while ((await codeOf(() => get(trusting, bytes("a")))) !== "answered") await delay(50);
    trusting.close();
  });

  afterAll(async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  test("a certificate that nobody vouches for is refused as such, a trusted one is not", async () => {
    const wary = new EtcdClient({ endpoints: [endpoint] });
    const error = await get(wary, bytes("a")).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(ClusterError);
    expect(error).toMatchObject({ code: "tls" });
    expect((error as ClusterError).message).toMatch(/certificate/);
    wary.close();

    const trusting = new EtcdClient({ endpoints: [endpoint], tls: { authority } });
    expect(await codeOf(() => get(trusting, bytes("a")))).toBe("answered");
    trusting.close();
  });

  test("a plain connection to a TLS port fails with a name, and an unusable authority too", async () => {
    const plain = new EtcdClient({ endpoints: [endpoint.replace("https", "http")] });
    expect(["unreachable", "not-etcd", "tls"]).toContain(
      await codeOf(() => get(plain, bytes("a"))),
    );
    plain.close();
    const tls = { authority: bytes("no PEM at all") };
    const broken = new EtcdClient({ endpoints: [endpoint], tls });
    expect(await codeOf(() => get(broken, bytes("a")))).toBe("tls");
    broken.close();
  });
});

describe.each(["etcd-3.4", "etcd-3.5", "quorate"] as const)("users, against %s", (make) => {
  let cluster: ClusterProcess;
  let root: EtcdClient;
  const clients: EtcdClient[] = [];

  const as = (name: string, password: string): EtcdClient => {
    const client = new EtcdClient({ endpoints: [cluster.endpoints], user: { name, password } });
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    cluster = await ClusterProcess.start({ make, size: 1 });
    root = as("root", "root-password");
    const { methods } = AuthDefinition;
    const range = { permType: Permission_Type.READ, key: bytes("open/"), rangeEnd: bytes("open0") };
    await create(root, { key: bytes("open/a"), value: bytes("1") });
    await create(root, { key: bytes("closed"), value: bytes("1") });
    for (const name of ["root", "reader"]) {
      const user = AuthUserAddRequest.fromPartial({ name, password: `${name}-password` });
      await root.write(AuthDefinition, methods.userAdd, user);
      await root.write(AuthDefinition, methods.roleAdd, AuthRoleAddRequest.fromPartial({ name }));
      const grant = AuthUserGrantRoleRequest.fromPartial({ user: name, role: name });
      await root.write(AuthDefinition, methods.userGrantRole, grant);
    }
    const permission = AuthRoleGrantPermissionRequest.fromPartial({ name: "reader", perm: range });
    await root.write(AuthDefinition, methods.roleGrantPermission, permission);
    await root.write(AuthDefinition, methods.authEnable, AuthEnableRequest.fromPartial({}));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await cluster?.stop();
  });

  test("a client that began without a token gets one when etcd wants it", async () => {
    const read = await get(root, bytes("closed"));
    expect(read.kv?.value.toString()).toBe("1");
    const modRevision = read.kv?.modRevision ?? 0;
    const saved = await putIfUnchanged(root, {
      key: bytes("closed"),
      value: bytes("2"),
      modRevision,
    });
    expect(saved.done).toBe(true);
  });

  test("a wrong password and a missing user are told from a missing permission", async () => {
    const wrong = as("reader", "wrong");
    expect(await codeOf(() => get(wrong, bytes("open/a")))).toBe("etcd-unauthenticated");
    const nobody = new EtcdClient({ endpoints: [cluster.endpoints] });
    clients.push(nobody);
    expect(await codeOf(() => get(nobody, bytes("open/a")))).toBe("etcd-unauthenticated");
    const reader = as("reader", "reader-password");
    expect(await codeOf(() => get(reader, bytes("open/a")))).toBe("answered");
    expect(await codeOf(() => get(reader, bytes("closed")))).toBe("etcd-permission-denied");
    const write = () => create(reader, { key: bytes("open/b"), value: bytes("1") });
    expect(await codeOf(write)).toBe("etcd-permission-denied");
  });

  test("a key that may not be written leaves no lease behind", async () => {
    const reader = as("reader", "reader-password");
    const put = { key: bytes("open/leased"), value: bytes("1"), ttlSeconds: 600 };
    expect(await codeOf(() => createWithTtl(reader, put))).toBe("etcd-permission-denied");
    const { leaseLeases } = LeaseDefinition.methods;
    expect((await root.read(LeaseDefinition, leaseLeases, {})).leases).toEqual([]);
  });

  test("a watch without permission ends with the reason", async () => {
    const reader = as("reader", "reader-password");
    const target = { key: bytes("closed"), rangeEnd: Buffer.alloc(0) };
    const watch = followWatch(reader, target, AbortSignal.timeout(10_000));
    expect(await codeOf(() => watch.next())).toBe("etcd-permission-denied");
    const allowed = { key: bytes("open/a"), rangeEnd: Buffer.alloc(0) };
    const control = new AbortController();
    const open = followWatch(reader, allowed, control.signal);
    expect((await open.next()).value).toMatchObject({ type: "open" });
    control.abort();
    await open.return(undefined);
  });

  test("a token that an auth change made old is renewed, and the write happens once", async () => {
    const key = bytes("renewed");
    await create(root, { key, value: bytes("1") });
    const request = AuthUserChangePasswordRequest.fromPartial({
      name: "reader",
      password: "reader-password",
    });
    await root.write(AuthDefinition, AuthDefinition.methods.userChangePassword, request);
    const { kv } = await get(root, key);
    const saved = await putIfUnchanged(root, {
      key,
      value: bytes("2"),
      modRevision: kv?.modRevision ?? 0,
    });
    expect(saved).toMatchObject({ done: true, kv: { version: 2 } });
  });
});
