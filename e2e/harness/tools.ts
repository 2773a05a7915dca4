import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// What the tests need beyond npm: Debian's etcd (3.4 from this release, 3.5 from trixie, unpacked
// beside the project), Chromium, nghttp, Prometheus, and programs that use etcd. As root on Debian or Ubuntu all
// of it is installed here; elsewhere the run fails and names what is missing.

export interface EtcdTools {
  readonly version: "3.4" | "3.5";
  readonly etcd: string;
  readonly etcdctl: string;
  /** The tool that knows `snapshot status` and `snapshot restore`. */
  readonly etcdutl: string;
}

/** What is fetched for the tests and kept. */
export const CACHE: string = join(import.meta.dirname, "../../node_modules/.cache/quorate");
const trixie = join(CACHE, "etcd-3.5");

export const ETCD_34: EtcdTools = {
  version: "3.4",
  etcd: "/usr/bin/etcd",
  etcdctl: "/usr/bin/etcdctl",
  etcdutl: "/usr/bin/etcdctl",
};

export const ETCD_35: EtcdTools = {
  version: "3.5",
  etcd: join(trixie, "usr/bin/etcd"),
  etcdctl: join(trixie, "usr/bin/etcdctl"),
  etcdutl: join(trixie, "usr/bin/etcdutl"),
};

/** Without the windows, tabs and menus that nobody would see, and that take a quarter of the time. */
export const CHROMIUM = "/usr/bin/chromium-headless-shell";
export const PROMETHEUS = "/usr/bin/prometheus";

const PACKAGES: Readonly<Record<string, string>> = {
  "/usr/bin/etcd": "etcd-server",
  "/usr/bin/etcdctl": "etcd-client",
  [CHROMIUM]: "chromium-headless-shell",
  [PROMETHEUS]: "prometheus",
  "/usr/bin/curl": "curl",
  "/usr/bin/openssl": "openssl",
  "/usr/bin/nghttp": "nghttp2-client",
  "/usr/bin/h2load": "nghttp2-client",
  "/usr/lib/python3/dist-packages/etcd3": "python3-etcd3",
  "/usr/lib/python3/dist-packages/patroni": "patroni",
};

/** Installs what is missing. Throws an Error that names what could not be had, and why. */
export function installTools(): void {
  const missing = Object.keys(PACKAGES).filter((path) => !existsSync(path));
  const packages = [...new Set(missing.map((path) => PACKAGES[path] as string))];
  if (packages.length > 0) installPackages(packages);
  if (!existsSync(ETCD_35.etcdutl)) unpackTrixieEtcd();
}

function installPackages(packages: readonly string[]): void {
  const byHand = `The tests need ${packages.join(", ")}. Install: apt-get install -y ${packages.join(" ")}`;
  requireDebianRoot(byHand);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  run("apt-get", ["update", "-qq"], byHand, env);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], byHand, env);
}

function unpackTrixieEtcd(): void {
  const byHand = `The tests need etcd, etcdctl and etcdutl 3.5 in ${join(trixie, "usr/bin")}`;
  requireDebianRoot(byHand);
  const work = mkdtempSync(join(tmpdir(), "etcd-3.5-"));
  const lists = join(work, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  const options = [
    `Dir::Etc::sourcelist=${join(work, "trixie.list")}`,
    "Dir::Etc::sourceparts=/dev/null",
    `Dir::State::Lists=${lists}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const source = `deb [signed-by=${keyring}] http://deb.debian.org/debian trixie main`;
  run("sh", ["-c", `echo '${source}' > ${join(work, "trixie.list")}`], byHand);
  run("apt-get", [...options, "update", "-qq"], byHand);
  execFileSync("apt-get", [...options, "download", "-qq", "etcd-server", "etcd-client"], {
    cwd: work,
    stdio: "pipe",
  });
  const unpacked = join(work, "root");
  for (const name of readdirSync(work).filter((file) => file.endsWith(".deb"))) {
    run("dpkg", ["-x", join(work, name), unpacked], byHand);
  }
  rmSync(trixie, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  run("cp", ["-a", unpacked, `${trixie}.part`], byHand);
  renameSync(`${trixie}.part`, trixie);
  rmSync(work, { recursive: true });
}

function requireDebianRoot(byHand: string): void {
  if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) return;
  throw new Error(`${byHand} (not root on Debian or Ubuntu, so it was not installed for you).`);
}

function run(
  command: string,
  args: readonly string[],
  byHand: string,
  env: NodeJS.ProcessEnv = process.env,
): void {
  try {
    execFileSync(command, [...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const stderr = (error as { stderr?: Buffer }).stderr?.toString("utf8").trim() ?? String(error);
    throw new Error(`${byHand}\n${command} said: ${stderr}`);
  }
}
