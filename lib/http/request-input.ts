// What comes from outside, checked before anything looks at it.
import type { z } from "zod";
import { Problem } from "./problem.ts";

/** Names the first thing that is wrong, and where. */
export function parseInput<Shape extends z.ZodType>(
  shape: Shape,
  input: unknown,
  what: string,
): z.output<Shape> {
  const parsed = shape.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const at = issue === undefined || issue.path.length === 0 ? what : issue.path.join(".");
  throw new Problem("bad-request", `${at}: ${issue?.message ?? "malformed"}`, {
    detail: { field: at },
  });
}

/** Each parameter at most once. */
export function queryOf(url: URL): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(query, name)) throw new Problem("bad-request", `${name} is given twice`);
    Object.defineProperty(query, name, { value, enumerable: true });
  }
  return query;
}

/** Reads no more than `bytesMax`, whatever the headers promise. */
export async function readJson(request: Request, bytesMax: number): Promise<unknown> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new Problem("bad-request", "the body must be JSON (Content-Type: application/json)");
  }
  const text = await readText(request, bytesMax);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : "malformed";
    throw new Problem("bad-request", `the body is not valid JSON: ${why}`);
  }
}

async function readText(request: Request, bytesMax: number): Promise<string> {
  if (Number(request.headers.get("content-length") ?? "0") > bytesMax) throw tooLarge(bytesMax);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new Problem("bad-request", "the body is not UTF-8");
  }
}

/** For bodies that others read: they must say their length beforehand, and keep to it. */
export function refuseLargeBody(request: Request, bytesMax: number): void {
  if (request.body === null || !hasEffect(request)) return;
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(length)) {
    throw new Problem("bad-request", "the request must say how long its body is");
  }
  if (length > bytesMax) throw tooLarge(bytesMax);
}

function tooLarge(limitBytes: number): Problem {
  return new Problem("too-large", `the body is larger than ${limitBytes} bytes`, {
    detail: { limitBytes },
  });
}

/** `If-Match: "<modRevision>"`, the only form that names one version of a key. */
export function ifMatchRevision(request: Request): number {
  const header = request.headers.get("if-match");
  if (header === null) {
    throw new Problem("bad-request", "If-Match is missing: name the revision that was edited");
  }
  const revision = Number(/^"(\d{1,16})"$/.exec(header.trim())?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(revision) || revision < 1) {
    throw new Problem("bad-request", 'If-Match must be a modRevision in quotes, such as "42"');
  }
  return revision;
}

const MUTATING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

export function hasEffect(request: Request): boolean {
  return MUTATING.has(request.method);
}

/** Answers are for our own pages alone, and a request with an effect must name its origin. */
export function refuseForeignOrigin(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") throw foreign();
  if (!hasEffect(request)) return;
  const origin = request.headers.get("origin") ?? "";
  const host = URL.canParse(origin) ? new URL(origin).host : undefined;
  if (host === undefined || host !== request.headers.get("host")) throw foreign();
}

function foreign(): Problem {
  return new Problem("forbidden", "the request comes from another site");
}
