import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/** Where one member of the built-in cluster listens, always on the loopback interface. */
export interface MemberPlan {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

/** An existing cluster that the console looks at instead of starting one. */
export interface ForeignCluster {
  readonly endpoints: string;
  readonly cacert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly user: string | undefined;
}

export interface LaunchOptions {
  readonly host: string;
  readonly port: number;
  /** Where browsers reach the console through a proxy. */
  readonly publicUrl: string | undefined;
  readonly dataDir: string;
  readonly members: readonly MemberPlan[];
  readonly foreign: ForeignCluster | undefined;
}

/** What the user typed cannot be done; the message is one sentence for the terminal. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
}

export const USAGE = `Usage: npm start -- [options]

  --members 1|3|5            members of the built-in cluster (3)
  --port N                   the console's port (3000)
  --host ADDRESS             the console's address (127.0.0.1)
  --public-url URL           where browsers reach it through a proxy, such as https://etcd.example.com
  --data-dir DIR             where all state lives (./data)
  --client-port-base N       member i listens for clients on N+10·(i-1), for peers on the port after
  --endpoints URL,URL        no built-in cluster: the console alone, over this one
      --cacert FILE  --cert FILE  --key FILE  --user NAME[:PASSWORD]
  --help

QUORATE_ADMIN_PASSWORD sets the first password of the console's user admin.`;

const DEFAULT_CLIENT_PORTS = [2379, 22379, 32379, 42379, 52379];

const OPTIONS = {
  members: { type: "string" },
  port: { type: "string" },
  host: { type: "string" },
  "public-url": { type: "string" },
  "data-dir": { type: "string" },
  "client-port-base": { type: "string" },
  endpoints: { type: "string" },
  cacert: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  user: { type: "string" },
  help: { type: "boolean" },
} as const;

/** Parses the command line. "help" when help was asked for. Throws LaunchError. */
export function parseLaunchOptions(args: readonly string[], cwd: string): LaunchOptions | "help" {
  const values = parse(args);
  if (values.help === true) return "help";
  const foreign = foreignCluster(values);
  const count = values.members ?? "3";
  if (foreign !== undefined && (values.members ?? values["client-port-base"]) !== undefined) {
    throw new LaunchError(
      "--endpoints starts no cluster, so --members and --client-port-base cannot go with it.",
    );
  }
  if (!["1", "3", "5"].includes(count)) {
    throw new LaunchError(`--members must be 1, 3 or 5, not "${count}".`);
  }
  const members =
    foreign === undefined ? planMembers(Number(count), values["client-port-base"]) : [];
  const port = portNumber("--port", values.port ?? "3000");
  const taken = members.find((plan) => plan.clientPort === port || plan.peerPort === port);
  if (taken !== undefined) {
    throw new LaunchError(`--port ${port} is also a port of member ${taken.name}; choose another.`);
  }
  return {
    host: values.host ?? "127.0.0.1",
    port,
    publicUrl: publicUrl(values["public-url"]),
    dataDir: resolve(cwd, values["data-dir"] ?? "data"),
    members,
    foreign,
  };
}

export function memberDataDir(options: LaunchOptions, plan: MemberPlan): string {
  return join(options.dataDir, plan.name);
}

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
    throw new LaunchError(`${reason}. See npm start -- --help.`);
  }
}

function planMembers(count: number, base: string | undefined): MemberPlan[] {
  const first = base === undefined ? undefined : portNumber("--client-port-base", base);
  return Array.from({ length: count }, (_, i) => {
    const clientPort = first === undefined ? (DEFAULT_CLIENT_PORTS[i] ?? 0) : first + 10 * i;
    if (clientPort + 1 > 65535) {
      throw new LaunchError(`--client-port-base ${base} leaves no ports for ${count} members.`);
    }
    return { name: `member-${i + 1}`, clientPort, peerPort: clientPort + 1 };
  });
}

function foreignCluster(values: Values): ForeignCluster | undefined {
  const { endpoints, cacert, cert, key, user } = values;
  if (endpoints === undefined) {
    const stray = Object.entries({ cacert, cert, key, user }).find(
      ([, value]) => value !== undefined,
    );
    if (stray !== undefined) throw new LaunchError(`--${stray[0]} goes only with --endpoints.`);
    return undefined;
  }
  for (const endpoint of endpoints.split(",")) checkEndpoint(endpoint);
  if ((cert === undefined) !== (key === undefined)) {
    throw new LaunchError("--cert and --key go together: give both or neither.");
  }
  return { endpoints, cacert, cert, key, user };
}

function checkEndpoint(endpoint: string): void {
  if (originOf(endpoint) !== undefined) return;
  throw new LaunchError(`--endpoints: "${endpoint}" is no address like https://host:2379.`);
}

function publicUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const origin = originOf(text);
  if (origin !== undefined) return origin;
  throw new LaunchError(`--public-url: "${text}" is no address like https://etcd.example.com.`);
}

/** Undefined when the text says anything else than scheme, host and port. */
function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (!isHttp || url.pathname !== "/" || url.search !== "" || url.hash !== "") return undefined;
  return url.username === "" && url.password === "" ? url.origin : undefined;
}

function portNumber(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) {
    throw new LaunchError(`${option} must be a port from 1 to 65535, not "${text}".`);
  }
  return port;
}
