// Members that are given a domain instead of `--initial-cluster` ask a real name server for each
// other, and so does etcdctl. Each process sees that name server alone, in a mount namespace of its
// own, so that these tests need the right to make one.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { NameServer } from "../../server/member/name-server.suite.ts";
import { type Make, MemberProcess } from "../harness/member-process.ts";
import {
  askingOnly,
  DNS_PORT,
  MAY_CHANGE_NAMES,
  NAME_SERVER_ADDRESS,
} from "../harness/name-space.ts";
import { freePorts } from "../harness/ports.ts";
import { ETCD_35 } from "../harness/tools.ts";

const DOMAIN = "quorate.test";
const execute = promisify(execFile);

let names: NameServer;
let folder: string;
let runner: readonly string[];
let started: MemberProcess[] = [];

beforeAll(async () => {
  names = await NameServer.start(NAME_SERVER_ADDRESS, DNS_PORT);
  folder = mkdtempSync(join(tmpdir(), "quorate-names-"));
  runner = askingOnly(NAME_SERVER_ADDRESS, join(folder, "resolv.conf"));
});
afterEach(async () => {
  await Promise.all(started.map((member) => member.stop("SIGKILL")));
  started = [];
});
afterAll(() => {
  names.stop();
  rmSync(folder, { recursive: true, force: true });
});

const hostOf = (name: string) => `${name}.${DOMAIN}`;

interface Place {
  /** Where the member says that it is reached by others; where it is, by default. */
  readonly scheme?: string;
  readonly host?: string;
}

async function member(
  make: Make,
  name: string,
  { scheme = "http", host = hostOf(name) }: Place,
  more: readonly string[] = [],
): Promise<MemberProcess> {
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const process = new MemberProcess({
    make,
    name,
    clientPort,
    peerPort,
    dataDir: mkdtempSync(join(folder, `${name}-`)),
    initialCluster: "",
    state: "new",
    flags: [
      `--discovery-srv=${DOMAIN}`,
      `--initial-advertise-peer-urls=${scheme}://${host}:${peerPort}`,
      `--advertise-client-urls=http://${hostOf(name)}:${clientPort}`,
      ...more,
    ],
    runner,
  });
  started.push(process);
  return process;
}

/** That these members are the cluster. */
function publish(members: readonly MemberProcess[], suffix = ""): void {
  const records = (portOf: (member: MemberProcess) => number) =>
    members.map((each) => ({ host: hostOf(each.options.name), port: portOf(each) }));
  names.zone = {
    services: {
      [`_etcd-server${suffix}._tcp.${DOMAIN}`]: records(({ options }) => options.peerPort),
      [`_etcd-client${suffix}._tcp.${DOMAIN}`]: records(({ options }) => options.clientPort),
    },
    hosts: Object.fromEntries(
      members.map(({ options }) => [hostOf(options.name), "127.0.0.1"] as const),
    ),
  };
}

async function etcdctl(...args: readonly string[]): Promise<string> {
  const [command = "", ...first] = runner;
  const all = [...first, ETCD_35.etcdctl, `--discovery-srv=${DOMAIN}`, ...args];
  const { stdout } = await execute(command, all);
  return stdout;
}

describe.skipIf(!MAY_CHANGE_NAMES)("with a domain in place of a list of members", () => {
  test.each<readonly [what: string, makes: readonly [Make, Make, Make], suffix: string]>([
    ["etcd's", ["etcd-3.5", "etcd-3.5", "etcd-3.5"], ""],
    ["ours", ["quorate", "quorate", "quorate"], ""],
    ["ours and etcd's", ["etcd-3.5", "quorate", "quorate"], ""],
    ["ours, of a named service", ["quorate", "quorate", "quorate"], "-blue"],
  ])("members find each other, and clients them: %s", async (_, makes, suffix) => {
    const service = suffix === "" ? [] : [`--discovery-srv-name=${suffix.slice(1)}`];
    const members = await Promise.all(
      makes.map((make, i) => member(make, `m${i + 1}`, {}, service)),
    );
    publish(members, suffix);
    for (const each of members) each.start();
    await Promise.all(members.map((each) => each.ready()));
    await etcdctl(...service, "put", "key", "found");
    expect(await etcdctl(...service, "get", "key", "--print-value-only")).toBe("found\n");
    const list = (await etcdctl(...service, "member", "list")).trim().split("\n");
    const found = list.map((line) => line.split(", ").slice(1));
    found.sort(([, a = ""], [, b = ""]) => (a < b ? -1 : 1));
    expect(found).toEqual(
      members.map(({ options: { name, peerPort, clientPort } }) => [
        "started",
        name,
        `http://${hostOf(name)}:${peerPort}`,
        `http://${hostOf(name)}:${clientPort}`,
        "false",
      ]),
    );
    for (const { options, output } of members) {
      expect(output).toContain('"msg":"got bootstrap from DNS for etcd-server"');
      expect(output).toContain(`${options.name}=http://${hostOf(options.name)}:`);
    }
  });

  /** How a member ends that does not find itself in the records of these. */
  async function refusal(make: Make, records: readonly string[], place: Place) {
    const lost = await member(make, "m1", place);
    publish([lost]);
    const entries = records.map((host) => ({ host, port: lost.options.peerPort }));
    const services = entries.length === 0 ? {} : { [`_etcd-server._tcp.${DOMAIN}`]: entries };
    names.zone = { ...names.zone, services };
    lost.start();
    const code = await lost.ended();
    const said = /"error":"(error setting up initial cluster: .*?)"[,}]/.exec(lost.output)?.[1];
    return { code, text: said?.replaceAll(`:${lost.options.peerPort}`, ":PORT") };
  }

  test.each<readonly [what: string, records: readonly string[], place: Place]>([
    ["of nobody", [], {}],
    ["of another member", [hostOf("m1")], { host: "127.0.0.9" }],
    ["of another scheme", [hostOf("m1")], { scheme: "https" }],
  ])("records %s end the start in etcd's words", async (_, records, place) => {
    const etcds = await refusal("etcd-3.5", records, place);
    expect(etcds).toEqual({ code: 1, text: expect.stringMatching(/SRV/) });
    expect(await refusal("quorate", records, place)).toEqual(etcds);
  });
});
