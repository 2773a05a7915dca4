// Puts together what a member needs to run and nothing else, in the folders of a system: in
// opt/quorate the built server and the packages that it imports with all that those depend on, in
// usr/local/bin a program called `etcd`.
//   node deploy/pack.ts <folder>
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

interface Manifest {
  readonly type?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Whose name a built file imports, without a path within it; Node's own have a colon. */
const IMPORTS =
  /(?:^(?:import|export) (?:[^"';]* from )?|\bimport\()"((?:@[^/"]+\/)?[^./":][^/":]*)["/]/gm;

/** For compilers and debuggers. */
const NEVER_RUN = /\.([cm]?ts|map)$/;

const root = process.cwd();
const built = join(root, "dist/server");
const [, , system] = process.argv;
if (system === undefined) throw new Error("node deploy/pack.ts <folder>");
const target = join(system, "opt/quorate");
const programs = join(system, "usr/local/bin");

const packages = new Set<string>();
for (const name of importedPackages()) addPackage(name, root, false);
for (const path of packages) {
  const isWanted = (source: string) =>
    !relative(path, source).startsWith("node_modules") && !NEVER_RUN.test(source);
  cpSync(path, join(target, relative(root, path)), { recursive: true, filter: isWanted });
}
cpSync(built, join(target, "dist/server"), {
  recursive: true,
  filter: (source) => !NEVER_RUN.test(source),
});
const { type, version } = manifestIn(root);
writeFileSync(join(target, "package.json"), JSON.stringify({ name: "quorate", version, type }));
chmodSync(join(target, "dist/server/etcd.js"), 0o755);
mkdirSync(programs, { recursive: true });
symlinkSync("../../../opt/quorate/dist/server/etcd.js", join(programs, "etcd"));

function importedPackages(): Set<string> {
  const names = new Set<string>();
  for (const file of readdirSync(built, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".js")) continue;
    const code = readFileSync(join(built, file), "utf8");
    for (const [, name] of code.matchAll(IMPORTS)) {
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** With all that it depends on, as Node would find it from `from`. */
function addPackage(name: string, from: string, isOptional: boolean): void {
  const path = findPackage(name, from);
  if (path === undefined) {
    if (isOptional) return; // For another system.
    throw new Error(
      `${name}, which ${relative(root, from) || "the server"} needs, is not installed`,
    );
  }
  if (packages.has(path)) return;
  packages.add(path);
  const { dependencies = {}, optionalDependencies = {} } = manifestIn(path);
  for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) {
    addPackage(each, path, each in optionalDependencies);
  }
}

function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(join(path, "package.json"))) return path;
    if (folder === root || folder === dirname(folder)) return undefined;
  }
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
