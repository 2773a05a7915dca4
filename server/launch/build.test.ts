import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { CONSOLE } from "./build.ts";

// What a build reads and this list does not name could be edited without the next start noticing.

const ROOT = join(import.meta.dirname, "../..");
const FROM = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

function isSource(path: string): boolean {
  return CONSOLE.sources.some((source) => path === source || path.startsWith(`${source}/`));
}

test("every file that the console imports by its path makes it build again when edited", () => {
  const files = globSync(["{app,components,lib}/**/*.{ts,tsx}", "*.{ts,mjs}"], { cwd: ROOT });
  const imported = files
    .filter((file) => isSource(file) && !/\.test\.tsx?$/.test(file))
    .flatMap((file) =>
      [...readFileSync(join(ROOT, file), "utf8").matchAll(FROM)].map(([, path]) =>
        normalize(join(dirname(file), path ?? "")),
      ),
    );
  expect(imported.length).toBeGreaterThan(100);
  expect(imported.filter((path) => !isSource(path))).toEqual([]);
});

test("so do the files that Next reads by their names", () => {
  const named = globSync(
    ["proxy.ts", "next.config.*", "postcss.config.*", "instrumentation.ts", "tsconfig.json"],
    { cwd: ROOT },
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !isSource(path))).toEqual([]);
});
