import { basename } from "node:path";
import { expect, test } from "vitest";
import {
  BANNED_NAMES,
  CAPABILITIES,
  CONSOLE_IMPORTS,
  SERVER_IMPORTS,
  SERVER_UNRULED,
} from "./import-rules.ts";
import { ISOLATED_FOLDERS } from "./isolation.ts";
import { readTracked, type SourceFile, sourceFiles, trackedFiles } from "./source-tree.ts";

const sources = sourceFiles();
const isTest = (path: string) => /\.(test|spec|suite)\.tsx?$/.test(path);
const product = sources.filter((file) => !isTest(file.path));

/** What these remember is the same whoever asked for it first. */
const CACHES = new Set(["server/proto/descriptors.ts"]);

/** "server/raft/log.ts" → "raft"; "server/errors.ts" → "errors". */
function station(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function within(path: string, targets: readonly string[], prefix: string): boolean {
  const bare = path.replace(/\.tsx?$/, "");
  return targets.some((target) => {
    const full = prefix + target;
    return bare === full || bare.startsWith(`${full}/`);
  });
}

function serverViolations(file: SourceFile): string[] {
  const from = station(file.path);
  if (SERVER_UNRULED.has(from) || file.path.startsWith("server/sim/")) return [];
  const allowed = SERVER_IMPORTS[from];
  if (allowed === undefined) return [`${file.path}: no import rule for station "${from}"`];
  return file.imports
    .filter((target) => !within(target, [from, ...allowed], "server/"))
    .map((target) => `${file.path} imports ${target}`);
}

function consoleViolations(file: SourceFile): string[] {
  const folder = Object.keys(CONSOLE_IMPORTS)
    .sort((a, b) => b.length - a.length)
    .find((name) => file.path.startsWith(`${name}/`) || file.path === `${name}.ts`);
  if (folder !== undefined) {
    const allowed = [folder, ...(CONSOLE_IMPORTS[folder] ?? [])];
    return file.imports
      .filter((target) => !within(target, allowed, ""))
      .map((target) => `${file.path} imports ${target}`);
  }
  const area = /^components\/([^/]+)\//.exec(file.path)?.[1];
  if (area === undefined) return [];
  const allowed = [`components/${area}`, "components/ui", "components/shell"];
  return file.imports
    .filter((target) => !within(target, [...allowed, "lib/browser", "lib/schema"], ""))
    .map((target) => `${file.path} imports ${target}`);
}

test("imports run one way: every station imports only what the rules list", () => {
  const violations = product.flatMap((file) => {
    if (file.path.startsWith("server/")) return serverViolations(file);
    return consoleViolations(file);
  });
  expect(violations).toEqual([]);
});

test("capabilities stand only where they are allowed", () => {
  const violations = product.flatMap((file) =>
    CAPABILITIES.filter(
      (rule) =>
        rule.scope.test(file.path) && !rule.allowed.test(file.path) && rule.pattern.test(file.code),
    ).map((rule) => `${file.path}: ${rule.name}`),
  );
  expect(violations).toEqual([]);
});

test("unit tests that share a process import no module that holds state", () => {
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const state =
    /^(export )?(let\b|const \w+.*= new (Map|Set)(<.*>)?\(\);|const \w+(: (?!readonly).*)? = \[\];)/m;
  const violations = sources
    .map(({ path }) => path)
    .filter((path) => /^(server|lib)\/.*\.test\.ts$/.test(path))
    .filter((path) => !within(path, ["server/sim", ...ISOLATED_FOLDERS], ""))
    .flatMap((path) => {
      const reached = new Set(byPath.get(path)?.imports);
      for (const at of reached) for (const next of byPath.get(at)?.imports ?? []) reached.add(next);
      return [...reached]
        .filter((at) => !CACHES.has(at) && state.test(byPath.get(at)?.code ?? ""))
        .map((at) => `${path} reaches ${at}`);
    });
  expect(violations).toEqual([]);
});

test("files are short enough to be read in one sitting", () => {
  const limit = (path: string) => {
    if (/^app\/.*\/(page|route)\.tsx?$/.test(path)) return 40;
    return isTest(path) ? 800 : 400;
  };
  const violations = sources
    .map((file) => ({ path: file.path, lines: file.text.split("\n").length - 1 }))
    .filter(({ path, lines }) => lines > limit(path))
    .map(({ path, lines }) => `${path}: ${lines} lines`);
  expect(violations).toEqual([]);
});

test("server lines fit in 100 columns", () => {
  const violations = sources
    .filter((file) => file.path.startsWith("server/"))
    .flatMap((file) =>
      file.text
        .split("\n")
        .map((line, at) => ({ line, at }))
        .filter(({ line }) => line.length > 100 && !/["'`/]/.test(line))
        .map(({ at }) => `${file.path}:${at + 1}`),
    );
  expect(violations).toEqual([]);
});

test("files are named after what they hold, in kebab case", () => {
  const violations = sources
    .map((file) => file.path)
    .filter((path) => {
      const name = basename(path).replace(/(\.(test|spec|suite|config))?\.tsx?$/, "");
      return BANNED_NAMES.test(name) || !/^(\[?[a-z0-9.-]+\]?)$/.test(name);
    });
  expect(violations).toEqual([]);
});

test("nothing is left behind: no marks, no silenced checks", () => {
  const marks =
    /\b(TODO|FIXME|XXX|HACK)\b|\b(test|it|describe)\.(only|skip)\(|@ts-ignore|@ts-expect-error|\bas any\b|(oxlint|eslint|biome)-(disable|ignore)/;
  const violations = sources
    .filter((file) => !file.path.startsWith("e2e/repo/"))
    .flatMap((file) =>
      file.text
        .split("\n")
        .map((line, at) => ({ line, at }))
        .filter(({ line }) => marks.test(line))
        .map(({ at, line }) => `${file.path}:${at + 1}: ${line.trim()}`),
    );
  expect(violations).toEqual([]);
});

test("versions are exact, so that a clone installs what was tested", () => {
  const manifest = JSON.parse(readTracked("package.json")) as Record<string, unknown>;
  const loose = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
    Object.entries((manifest[kind] ?? {}) as Record<string, string>)
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name, version]) => `${name} ${version}`),
  );
  expect(loose).toEqual([]);
});

test("the lockfile names every optional binary, or a clean install would refuse it", () => {
  const lock = JSON.parse(readTracked("package-lock.json")) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const known = new Set(Object.keys(lock.packages).map((at) => at.split("node_modules/").at(-1)));
  const missing = Object.values(lock.packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !known.has(name));
  expect(missing).toEqual([]);
});

test("the top level holds only what the project and its tools demand", () => {
  const top = new Set(trackedFiles().map((path) => path.split("/")[0]));
  const allowed = [
    ".ci",
    ".gitignore",
    ".oxlintrc.json",
    "README.md",
    "app",
    "biome.json",
    "buf.gen.yaml",
    "buf.yaml",
    "components",
    "deploy",
    "e2e",
    "knip.json",
    "lib",
    "next.config.ts",
    "package-lock.json",
    "package.json",
    "playwright.config.ts",
    "postcss.config.mjs",
    "proxy.ts",
    "public",
    "server",
    "tsconfig.json",
    "tsconfig.server.json",
    "vitest.config.ts",
  ];
  expect([...top].filter((name) => !allowed.includes(name as string))).toEqual([]);
});
