// Who a new cluster's members are, from SRV records instead of `--initial-cluster`:
//
//   _etcd-server-ssl._tcp.<domain>   members that are reached by https
//   _etcd-server._tcp.<domain>       members that are reached by http
//
// Names do not stand there. The record with an address that this member advertises is its own; the
// others are numbered, which is as good: the name of a member is not part of its id.
import type { Log } from "../base/log.ts";
import type { Config } from "../config.ts";
import { BootstrapError } from "../replica/initial-cluster.ts";
import { resolvedSpelling } from "../replica/resolved-urls.ts";
import type { NameService } from "./name-service.ts";

type Discovery = Pick<
  Config,
  "name" | "discoverySrv" | "discoverySrvName" | "initialAdvertisePeerUrls"
>;

const SERVICES = [
  ["https", "etcd-server-ssl"],
  ["http", "etcd-server"],
] as const;

/**
 * As `--initial-cluster` would say it.
 * @throws BootstrapError with etcd's text
 */
export async function discoverCluster(
  config: Discovery,
  names: NameService,
  log: Log,
): Promise<string> {
  const suffix = config.discoverySrvName === "" ? "" : `-${config.discoverySrvName}`;
  const members: string[] = [];
  const problems: string[] = [];
  for (const [scheme, service] of SERVICES) {
    const fullService = service + suffix;
    const found = await membersOf(config, names, scheme, fullService);
    members.push(...found.members);
    if (found.problem !== undefined) {
      problems.push(found.problem);
      log.warn("failed to resolve during SRV discovery", { error: found.problem });
    }
    log.info(`get cluster for ${service} SRV`, {
      "service-scheme": scheme,
      "service-name": fullService,
      "server-name": config.name,
      "discovery-srv": config.discoverySrv,
      "advertise-peer-urls": config.initialAdvertisePeerUrls,
      "found-cluster": found.members,
      ...(found.problem === undefined ? {} : { error: found.problem }),
    });
  }
  if (members.length === 0) throw failed(problems.join("; "));
  for (const node of members) log.info("got bootstrap from DNS for etcd-server", { node });
  if (!members.some((member) => member.startsWith(`${config.name}=`))) {
    throw failed(`cannot find local etcd member ${JSON.stringify(config.name)} in SRV records`);
  }
  return members.join(",");
}

interface Found {
  readonly members: readonly string[];
  /** Why there are none. */
  readonly problem: string | undefined;
}

async function membersOf(
  config: Discovery,
  names: NameService,
  scheme: "http" | "https",
  service: string,
): Promise<Found> {
  const own = config.initialAdvertisePeerUrls;
  const question = `_${service}._tcp.${config.discoverySrv}`;
  try {
    // A record whose target is the root says that there is no such service.
    const records = (await names.services(question)).filter(({ host }) => host !== "");
    const urls = records.map(({ host, port }) => `${scheme}://${host}:${port}`);
    const spelling = await resolvedSpelling([...urls, ...own], names.lookUp);
    const placeOf = (url: string) => spelling(url).replace(/^\w+/, "");
    let numbered = 0;
    let problem: string | undefined;
    const members: string[] = [];
    for (const url of urls) {
      const same = own.find((each) => placeOf(each) === placeOf(url));
      if (same !== undefined && !same.startsWith(`${scheme}:`)) {
        problem =
          `error querying DNS SRV records for _${service} bootstrap at ${url} from DNS for ` +
          `${service} has scheme mismatch with expected peer ${same}`;
      } else members.push(`${same === undefined ? numbered++ : config.name}=${url}`);
    }
    return { members, problem: members.length === 0 ? problem : undefined };
  } catch (error) {
    const problem = `error querying DNS SRV records for _${service} ${(error as Error).message}`;
    return { members: [], problem };
  }
}

function failed(reason: string): BootstrapError {
  return new BootstrapError(`error setting up initial cluster: ${reason}`);
}
