// What stands in deploy/ does what it says: the image's steps are carried out in a folder, and the
// members that the manifests describe are started as they say, in other folders and on other
// ports, and asked what a kubelet asks.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, matchesGlob, relative } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { CertificateAuthority } from "../harness/certificates.ts";
import { ClusterClient } from "../harness/cluster-client.ts";
import { freePorts } from "../harness/ports.ts";
import { secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_35 } from "../harness/tools.ts";

const ROOT = join(import.meta.dirname, "../..");
const DEPLOY = join(ROOT, "deploy");
const PROBE_LIMIT_MS = 30_000;

interface Probe {
  readonly httpGet: {
    readonly host?: string;
    readonly path: string;
    readonly port: number | string;
  };
  readonly periodSeconds: number;
}

interface Container {
  readonly image: string;
  readonly command: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

/** Of the manifests, as far as they are looked at here. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
    readonly selector: Readonly<Record<string, string>>;
    readonly serviceName: string;
    readonly replicas: number;
    readonly maxUnavailable: number;
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
}

let image: string;
let scratch: string;
const running: ChildProcess[] = [];

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "quorate-deploy-"));
  image = buildImage(readFileSync(join(DEPLOY, "Dockerfile"), "utf8"));
}, 120_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => ended(child, "SIGKILL")));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Carries out the Dockerfile, each stage in a folder of its own; the last one's is returned. */
function buildImage(dockerfile: string): string {
  const stages = new Map<string, string>();
  let stage = "";
  let folder = "";
  for (const line of dockerfile.replaceAll(/\\\n/g, " ").split("\n")) {
    const [word = "", ...rest] = line.split(" ").filter((each) => each !== "");
    if (word === "" || word.startsWith("#")) continue;
    if (word === "FROM") {
      stage = join(scratch, `stage-${stages.size}`);
      if (rest[0]?.startsWith("node:")) installNode(stage);
      stages.set(rest[1]?.toUpperCase() === "AS" ? (rest[2] ?? "") : String(stages.size), stage);
      folder = stage;
    } else if (word === "WORKDIR") folder = join(stage, rest[0] ?? "");
    else if (word === "COPY") copy(rest, stages, stage, folder);
    else if (word === "RUN") run(rest.join(" "), folder);
    else expect(["ENV", "EXPOSE", "CMD"]).toContain(word);
    mkdirSync(folder, { recursive: true });
  }
  return stage;
}

/** Where Node's image has it. */
function installNode(stage: string): void {
  mkdirSync(join(stage, "usr/local/bin"), { recursive: true });
  symlinkSync(process.execPath, join(stage, "usr/local/bin/node"));
}

/** Of a folder the contents, of the project's what is not ignored. Whose it is stays open. */
function copy(
  words: readonly string[],
  stages: ReadonlyMap<string, string>,
  stage: string,
  folder: string,
): void {
  const flags = words.filter((word) => word.startsWith("--"));
  const from = flags.find((flag) => flag.startsWith("--from="))?.slice("--from=".length);
  const paths = words.slice(flags.length);
  const target = paths.at(-1) ?? "";
  const place = target.startsWith("/") ? join(stage, target) : join(folder, target);
  const context = from === undefined ? ROOT : must(stages.get(from), from);
  for (const path of paths.slice(0, -1)) {
    const source = join(context, path);
    expect(existsSync(source), path).toBe(true);
    expect(from !== undefined || !isIgnored(path), path).toBe(true);
    const isInto = target.endsWith("/") && !statSync(source).isDirectory();
    cpSync(source, isInto ? join(place, basename(path)) : place, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (each) => from !== undefined || !isIgnored(relative(ROOT, each)),
    });
  }
}

/** As .dockerignore says: the last line that fits counts, for a folder and all that is in it. */
function isIgnored(path: string): boolean {
  const lines = readFileSync(join(DEPLOY, "Dockerfile.dockerignore"), "utf8").trim().split("\n");
  const last = lines.findLast((line) => {
    const pattern = line.replace("!", "");
    return matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`);
  });
  return last?.startsWith("!") === false;
}

/** What `npm ci` would install is installed here already. */
function run(command: string, folder: string): void {
  if (command === "npm ci --ignore-scripts")
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  else execFileSync("sh", ["-c", command], { cwd: folder, stdio: "pipe" });
}

/** Starts what the image would start. */
function start(
  command: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): ChildProcess {
  const path = `${join(image, "usr/local/bin")}:/usr/bin:/bin`;
  const [program = "", ...args] = command;
  const env = { NODE_ENV: "production", PATH: path, ...variables } as const;
  const child = spawn(program, args, { cwd: scratch, env, stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  return child;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const end = new Promise<number | string | null>((resolve) =>
    child.once("close", (code, by) => resolve(code ?? by)),
  );
  child.kill(signal);
  return end;
}

function must<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`there is no ${name}`);
  return value;
}

function manifests(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(DEPLOY, path), "utf8")).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}

function manifest(path: string, kind: string): Manifest {
  return must(
    manifests(path).find((each) => each.kind === kind),
    `${kind} in ${path}`,
  );
}

/** As a kubelet: until it succeeds, at most as long as the test waits. */
async function passes(path: string, port: number): Promise<void> {
  const deadline = performance.now() + PROBE_LIMIT_MS;
  let last = "";
  while (performance.now() < deadline) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { "User-Agent": "kube-probe/1.31", Accept: "*/*" },
        signal: AbortSignal.timeout(15_000),
      });
      last = `${response.status} ${await response.text()}`;
      if (response.status >= 200 && response.status < 400) return;
    } catch (error) {
      last = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${path}: ${last}`);
}

/** @param port where the test has put the port of the metrics */
async function passesAll(container: Container, port: number): Promise<void> {
  const { startupProbe, livenessProbe, readinessProbe, ports, command } = container;
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
    const named = must(
      ports.find(({ name }) => name === httpGet.port),
      `port called ${httpGet.port}`,
    );
    const metrics = command.find((word) => word.startsWith("--listen-metrics-urls="));
    expect(metrics).toMatch(new RegExp(`:${named.containerPort}$`));
    await passes(httpGet.path, port);
  }
}

function replaced(words: readonly string[], by: Readonly<Record<string, string>>): string[] {
  return words.map((word) =>
    Object.entries(by).reduce((text, [from, to]) => text.replaceAll(from, to), word),
  );
}

test("the image holds a program that is called as etcd is, and says so", async () => {
  const command = /^CMD \["(.+)"\]$/m.exec(readFileSync(join(DEPLOY, "Dockerfile"), "utf8"))?.[1];
  const [container] = manifest("kubeadm/etcd.yaml", "Pod").spec.containers;
  const tag = container?.image.split(":")[1];
  for (const program of [command ?? "", join(image, "usr/local/bin/etcd")]) {
    const child = start([program, "--version"]);
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    expect(output.split("\n")[0]).toBe(`etcd Version: ${tag}`);
  }
});

/** What kubeadm writes for an etcd before 3.6. */
const OLDER_FLAGS = {
  "--feature-gates=InitialCorruptCheck=true": "--experimental-initial-corrupt-check=true",
  "--watch-progress-notify-interval=5s": "--experimental-watch-progress-notify-interval=5s",
} as const;

test("kubeadm's static pod runs, its flags and probes old and new, and serves with TLS", async () => {
  const { spec } = manifest("kubeadm/etcd.yaml", "Pod");
  const [container] = spec.containers;
  if (container === undefined) throw new Error("no container");
  const mounts = container.volumeMounts.map(({ name }) => name);
  expect(spec.volumes.map(({ name }) => name).sort()).toEqual(mounts.sort());

  const pki = join(scratch, "pki");
  mkdirSync(pki);
  const authority = await CertificateAuthority.create(pki, "ca");
  const names = { dns: ["localhost", "control-plane-1"], ips: ["127.0.0.1", "127.0.0.2"] };
  const server = await authority.issue("server", { commonName: "control-plane-1", ...names });
  const peer = await authority.issue("peer", { commonName: "control-plane-1", ...names });
  const client = await authority.issue("client", { commonName: "kube-etcd-healthcheck-client" });
  const [clientPort = 0, peerPort = 0, metricsPort = 0] = await freePorts(3);
  const command = replaced(container.command, {
    "/etc/kubernetes/pki/etcd/server.crt": server.cert,
    "/etc/kubernetes/pki/etcd/server.key": server.key,
    "/etc/kubernetes/pki/etcd/peer.crt": peer.cert,
    "/etc/kubernetes/pki/etcd/peer.key": peer.key,
    "/etc/kubernetes/pki/etcd/ca.crt": authority.file,
    "/var/lib/etcd": join(scratch, "static-pod"),
    "192.168.0.10": "127.0.0.2",
    ":2379": `:${clientPort}`,
    ":2380": `:${peerPort}`,
    ":2381": `:${metricsPort}`,
  });
  const material = { authority: authority.file, certificate: client };
  const put = (key: string) =>
    secureEtcdctl(ETCD_35, `https://127.0.0.2:${clientPort}`, material, ["put", key, "v"]);
  const older = replaced(command, OLDER_FLAGS);
  expect(older.filter((word) => !command.includes(word))).toEqual(Object.values(OLDER_FLAGS));
  for (const [key, words] of [
    ["older", older],
    ["newer", command],
    // minikube's kubeadm adds this.
    ["minikube", [...older, "--proxy-refresh-interval=70000"]],
  ] as const) {
    const child = start(words);
    await passesAll(container, metricsPort);
    await passes("/health?exclude=NOSPACE&serializable=true", metricsPort);
    await passes("/health?serializable=false", metricsPort);
    expect(await put(key)).toMatchObject({ code: 0, stdout: "OK\n" });
    const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    expect(await metrics.text()).toContain("etcd_server_has_leader 1");
    expect(await ended(child, "SIGTERM")).toBe("SIGTERM");
  }
});

/** Loaded before the program: it takes itself for the first process, which cannot kill itself. */
const FIRST_PROCESS =
  'Object.defineProperty(process, "pid", { value: 1 });\nprocess.kill = () => true;\n';

describe("as the first process of a container a member ends itself by a signal", () => {
  let variables: Readonly<Record<string, string>>;
  let silent: Server;

  beforeAll(async () => {
    const preloaded = join(scratch, "first-process.cjs");
    writeFileSync(preloaded, FIRST_PROCESS);
    variables = { NODE_OPTIONS: `--require=${preloaded}` };
    silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => void silent.close());

  test.each(["SIGTERM", "SIGINT"] as const)("%s, while it starts", async (signal) => {
    const [peerPort = 0] = await freePorts(1);
    const other = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const own = `http://127.0.0.1:${peerPort}`;
    const asked = new Promise<Socket>((resolve) => silent.once("connection", resolve));
    const child = start(
      [
        "etcd",
        "--name=late",
        `--data-dir=${join(scratch, `late-${signal}`)}`,
        "--initial-cluster-state=existing",
        `--initial-cluster=late=${own},other=${other}`,
        `--initial-advertise-peer-urls=${own}`,
        `--listen-peer-urls=${own}`,
      ],
      variables,
    );
    const socket = await asked;
    // As etcd's: it has not come to an orderly end.
    expect(await ended(child, signal)).toBe(2);
    socket.destroy();
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s, when it serves", async (signal) => {
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const child = start(
      [
        "etcd",
        `--data-dir=${join(scratch, `first-${signal}`)}`,
        `--listen-client-urls=http://127.0.0.1:${clientPort}`,
        `--advertise-client-urls=http://127.0.0.1:${clientPort}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      ],
      variables,
    );
    await passes("/readyz", clientPort);
    expect(await ended(child, signal)).toBe(0);
  });
});

test("the metrics' Service finds the static pod and names its port", () => {
  const pod = manifest("kubeadm/etcd.yaml", "Pod");
  const service = manifest("kubeadm/metrics-service.yaml", "Service");
  expect(pod.metadata.labels).toMatchObject(service.spec.selector);
  expect(JSON.stringify(service)).toContain('"targetPort":2381');
  expect(pod.spec.containers[0]?.command.join(" ")).toMatch(/--listen-metrics-urls=\S+:2381 /);
});

test("the StatefulSet's members form one cluster and pass their probes", async () => {
  const path = "kubernetes/quorate.yaml";
  const set = manifest(path, "StatefulSet");
  const [container] = set.spec.template.spec.containers;
  if (container === undefined) throw new Error("no container");
  expect(manifests(path).map(({ kind }) => kind)).toContain("Service");
  expect(manifest(path, "Service").metadata.name).toBe(set.spec.serviceName);
  expect(manifest(path, "PodDisruptionBudget").spec.maxUnavailable).toBe(1);
  const claims = set.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name);
  expect(container.volumeMounts.map(({ name }) => name)).toEqual(claims);

  const ports = await freePorts(3 * set.spec.replicas);
  const portOf = (pod: number, which: number) => String(ports[3 * pod + which]);
  const pods = Array.from({ length: set.spec.replicas }, (_, pod) => pod);
  const hosts = Object.fromEntries(
    pods.flatMap((pod) => [
      [`quorate-${pod}.quorate.default.svc:2379`, `127.0.0.1:${portOf(pod, 0)}`],
      [`quorate-${pod}.quorate.default.svc:2380`, `127.0.0.1:${portOf(pod, 1)}`],
    ]),
  );
  for (const pod of pods) {
    const named = replaced(container.command, {
      "$(POD_NAME)": `quorate-${pod}`,
      "$(POD_NAMESPACE)": "default",
    });
    const rewritten = replaced(named, {
      ...hosts,
      "0.0.0.0:2379": `127.0.0.1:${portOf(pod, 0)}`,
      "0.0.0.0:2380": `127.0.0.1:${portOf(pod, 1)}`,
      "0.0.0.0:2381": `127.0.0.1:${portOf(pod, 2)}`,
      "/var/lib/etcd": join(scratch, `pod-${pod}`),
    });
    expect(rewritten.join(" ")).not.toMatch(/\$\(|:23(79|8[01])\b|\.svc/);
    start(rewritten);
  }
  await Promise.all(pods.map((pod) => passesAll(container, Number(portOf(pod, 2)))));
  const client = new ClusterClient(
    pods.map((pod) => ({ clientUrl: `http://127.0.0.1:${portOf(pod, 0)}` })),
  );
  try {
    // Until the cluster's version is decided, a member that is ready still refuses to write.
    for (const pod of pods) {
      const isWritten = async () => "response" in (await client.put(pod, `k${pod}`, "v"));
      await vi.waitUntil(isWritten, { timeout: PROBE_LIMIT_MS, interval: 100 });
    }
  } finally {
    client.close();
  }
});

test("the line for docker in the README runs a member", async () => {
  const readme = readFileSync(join(DEPLOY, "README.md"), "utf8").replaceAll(/\\\n/g, " ");
  const line = readme.split("\n").find((each) => each.startsWith("docker run"));
  const command = /quorate:latest (.*)$/.exec(line ?? "")?.[1]?.split(/ +/) ?? [];
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const child = start([
    ...replaced(command, {
      "/var/lib/etcd": join(scratch, "docker"),
      "0.0.0.0:2379": `127.0.0.1:${clientPort}`,
    }),
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
  ]);
  await passes("/health", clientPort);
  expect(await ended(child, "SIGINT")).toBe("SIGINT");
});
