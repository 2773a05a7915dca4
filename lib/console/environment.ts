// What the console is told by the process that starts it. Everything has a default that works for
// a cluster on this machine, so that `next dev` alone is enough.
import { readFileSync } from "node:fs";
import { ClusterError } from "../etcd/cluster-error.ts";

export interface ConsoleEnvironment {
  /** QUORATE_DATA_DIR: the console's own folder. */
  readonly dataDir: string;
  /** QUORATE_ENDPOINTS, separated by commas. */
  readonly endpoints: readonly string[];
  /** QUORATE_BUILT_IN=1: the cluster was started together with the console. */
  readonly isBuiltIn: boolean;
  /** QUORATE_CACERT, QUORATE_CERT, QUORATE_KEY: paths of PEM files. */
  readonly tls: {
    readonly authority: Buffer | undefined;
    readonly certificate: Buffer | undefined;
    readonly key: Buffer | undefined;
  };
  /** QUORATE_USER and QUORATE_USER_PASSWORD. */
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** QUORATE_ADMIN_PASSWORD: used once, see users.ts. */
  readonly adminPassword: string | undefined;
  /** NEXTAUTH_URL, the address that browsers use, begins with https. */
  readonly isSecure: boolean;
  /** The same, and the host is not this machine's, whose other ports would have to follow. */
  readonly isHttpsOnly: boolean;
  readonly port: number;
  /** QUORATE_TRUST_PROXY=1: X-Forwarded-* come from a proxy of ours and not from the client. */
  readonly trustsProxy: boolean;
}

export function readEnvironment(variables: NodeJS.ProcessEnv): ConsoleEnvironment {
  const text = (name: string): string | undefined => variables[name] || undefined;
  const user = text("QUORATE_USER");
  const address = URL.parse(text("NEXTAUTH_URL") ?? "");
  const isSecure = address?.protocol === "https:";
  const endpoints = (text("QUORATE_ENDPOINTS") ?? "http://127.0.0.1:2379").split(",");
  return {
    dataDir: text("QUORATE_DATA_DIR") ?? "./data/console",
    endpoints: endpoints.map((endpoint) => endpoint.trim()).filter((endpoint) => endpoint !== ""),
    isBuiltIn: text("QUORATE_BUILT_IN") === "1",
    tls: {
      authority: readPem("QUORATE_CACERT", text("QUORATE_CACERT")),
      certificate: readPem("QUORATE_CERT", text("QUORATE_CERT")),
      key: readPem("QUORATE_KEY", text("QUORATE_KEY")),
    },
    user:
      user === undefined
        ? undefined
        : { name: user, password: text("QUORATE_USER_PASSWORD") ?? "" },
    adminPassword: text("QUORATE_ADMIN_PASSWORD"),
    isSecure,
    isHttpsOnly: isSecure && !/(^|\.)localhost$/.test(address.hostname),
    port: Number(text("PORT") ?? "3000"),
    trustsProxy: text("QUORATE_TRUST_PROXY") === "1",
  };
}

function readPem(variable: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ClusterError("tls", `the file that ${variable} names cannot be read: ${why}`);
  }
}
