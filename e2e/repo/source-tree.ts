import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Line comments and block comments blanked out. */
  readonly code: string;
  /** Paths of our own files that it imports, with extension. */
  readonly imports: readonly string[];
}

const root = join(import.meta.dirname, "../..");

/** Everything git tracks or would track, generated code apart. */
export function trackedFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root });
  return listed
    .toString("utf8")
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)));
}

export function readTracked(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function sourceFiles(): SourceFile[] {
  return trackedFiles()
    .filter((path) => /\.tsx?$/.test(path) && !path.includes("/gen/") && !path.endsWith(".d.ts"))
    .map((path) => {
      const text = readTracked(path);
      const code = withoutComments(text);
      return { path, text, code, imports: importsOf(path, code) };
    });
}

function withoutComments(text: string): string {
  return text
    .replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

function importsOf(path: string, code: string): string[] {
  const found: string[] = [];
  for (const match of code.matchAll(/(?:from|import)\s*\(?\s*"((?:\.|@\/)[^"]*)"/g)) {
    const target = match[1] as string;
    const bare = target.startsWith("@/")
      ? target.slice(2)
      : normalize(join(dirname(path), target)).replaceAll("\\", "/");
    const resolved = [bare, `${bare}.ts`, `${bare}.tsx`].find(
      (candidate) => /\.\w+$/.test(candidate) && existsSync(join(root, candidate)),
    );
    found.push(resolved ?? bare);
  }
  return found;
}
