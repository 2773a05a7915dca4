import { EtcdClient } from "../etcd/client.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import type { Connection } from "../schema/clusters.ts";
import { ClusterObserver } from "./cluster-observer.ts";
import type { ConsoleEnvironment } from "./environment.ts";
import { MemberMemory } from "./member-memory.ts";
import type { ConsoleStore } from "./store.ts";

const LOCAL = "local";

interface OpenConnection {
  readonly client: EtcdClient;
  readonly observer: ClusterObserver;
}

/** The clusters that the console knows; so far the one that it was started with. */
export class Connections {
  readonly #environment: ConsoleEnvironment;
  readonly #store: ConsoleStore;
  readonly #open = new Map<string, OpenConnection>();

  constructor(environment: ConsoleEnvironment, store: ConsoleStore) {
    this.#environment = environment;
    this.#store = store;
  }

  list(): Connection[] {
    const { endpoints, isBuiltIn, user } = this.#environment;
    return [
      {
        id: LOCAL,
        name: isBuiltIn ? "Built-in cluster" : "Cluster",
        isBuiltIn,
        endpoints: [...endpoints],
        tls: endpoints.some((endpoint) => endpoint.startsWith("https:")),
        user: user?.name ?? null,
      },
    ];
  }

  /** Throws `not-found` for an unknown id. */
  client(id: string): EtcdClient {
    return this.#connection(id).client;
  }

  /** Throws `not-found` for an unknown id. */
  observer(id: string): ClusterObserver {
    return this.#connection(id).observer;
  }

  close(): void {
    for (const { client } of this.#open.values()) client.close();
    this.#open.clear();
  }

  #connection(id: string): OpenConnection {
    if (id !== LOCAL) throw new ClusterError("not-found", "there is no such cluster");
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const { endpoints, tls, user } = this.#environment;
    const client = new EtcdClient({ endpoints, tls, user });
    const memory = new MemberMemory(this.#store, id, client.endpoints);
    const opened = { client, observer: new ClusterObserver(client, memory) };
    this.#open.set(id, opened);
    return opened;
  }
}
