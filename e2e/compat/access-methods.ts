import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { JSON_ROUTES } from "../../server/gateway/json-routes.ts";
import type { RawMethod } from "../harness/raw-caller.ts";
import { ACCESS_CASES, type AccessCase } from "./access-cases.ts";

// The table of all that can be asked, made from the proto files: every method they declare, in
// every way it is served, with every case that access-cases.ts has for it.

/** Another service's methods have no path in etcd's gateway, nor in ours. */
export const WITHOUT_JSON: readonly string[] = [
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/List",
  "/grpc.health.v1.Health/Watch",
  "/quorate.v1.Tree/Children",
];

/** `grpc`, or a path of the JSON gateway. */
export type Way = "grpc" | `/v3/${string}`;

/** One request to one method, one way. */
export interface Cell extends AccessCase {
  /** `/etcdserverpb.KV/Range` */
  readonly path: string;
  readonly service: string;
  readonly method: RawMethod;
  readonly way: Way;
}

interface FileProto {
  readonly package: string;
  readonly service?: readonly {
    readonly name: string;
    readonly method: readonly { readonly name: string }[];
  }[];
}

/** Paths of all methods that the proto files declare, in their order. */
export function declaredMethods(): readonly string[] {
  const root = join(import.meta.dirname, "../..");
  const args = ["build", "--as-file-descriptor-set", "-o", "-#format=json"];
  const built = execFileSync(join(root, "node_modules/.bin/buf"), args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return (JSON.parse(built) as { file: FileProto[] }).file.flatMap((file) =>
    (file.service ?? []).flatMap(({ name, method }) =>
      method.map((each) => `/${file.package}.${name}/${each.name}`),
    ),
  );
}

/** How a method is served; at least over gRPC. */
export function waysOf(path: string): readonly Way[] {
  const routes = Object.entries(JSON_ROUTES).filter(([, method]) => method === path);
  return ["grpc", ...routes.map(([route]) => route as Way)];
}

/** @throws RangeError when a declared method has no case */
export function allCells(): readonly Cell[] {
  return declaredMethods().flatMap((path) => {
    const entry = ACCESS_CASES.get(path);
    if (entry === undefined) throw new RangeError(`who may call ${path} is not decided`);
    const { service, method, cases } = entry;
    return cases.flatMap((each) =>
      waysOf(path).map((way) => ({ ...each, path, service, method, way })),
    );
  });
}
