import { existsSync } from "node:fs";
import { EtcdClient } from "../etcd/client.ts";
import { Connections } from "./connections.ts";
import { type ConsoleEnvironment, readEnvironment } from "./environment.ts";
import { LoginThrottle } from "./login-throttle.ts";
import { sessionSecret } from "./secret.ts";
import { Sessions } from "./sessions.ts";
import { ConsoleStore } from "./store.ts";
import { ADMIN, firstAdmin, Users } from "./users.ts";

/** All that lives as long as the console's process. */
export interface ConsoleState {
  readonly environment: ConsoleEnvironment;
  readonly store: ConsoleStore;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly throttle: LoginThrottle;
  readonly connections: Connections;
  readonly secret: string;
}

/** Throws at once when the cluster's address or certificates are unusable. */
async function openConsoleState(environment: ConsoleEnvironment): Promise<ConsoleState> {
  new EtcdClient(environment).close();
  const { dataDir, adminPassword } = environment;
  // The folder stands for a first password that was set: what is slow comes before it.
  const first = existsSync(dataDir) ? undefined : await firstAdmin(adminPassword);
  const store = new ConsoleStore(dataDir);
  const users = new Users(store);
  if (!users.has(ADMIN)) {
    const { hash, untold } = first ?? (await firstAdmin(adminPassword));
    users.add(ADMIN, hash);
    if (untold !== undefined) process.stdout.write(`Password of the user admin: ${untold}\n`);
  }
  return {
    environment,
    store,
    users,
    sessions: new Sessions(store, Date.now),
    throttle: new LoginThrottle(() => performance.now()),
    connections: new Connections(environment, store),
    secret: sessionSecret(store),
  };
}

// Next bundles pages and route handlers apart, each with its own copy of every module; what must
// exist once per process hangs on globalThis.
const SLOT = Symbol.for("quorate.console-state");
type Slot = { [SLOT]?: Promise<ConsoleState> };

/** Opened by whoever asks first; a failure is forgotten, so that the next one tries again. */
export function consoleState(): Promise<ConsoleState> {
  const slot = globalThis as Slot;
  const known = slot[SLOT];
  if (known !== undefined) return known;
  const opened = (async () => openConsoleState(readEnvironment(process.env)))();
  slot[SLOT] = opened;
  opened.catch((error: unknown) => {
    delete slot[SLOT];
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${JSON.stringify({ level: "error", msg: "cannot start", why })}\n`);
  });
  return opened;
}
