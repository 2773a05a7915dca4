import type { ReplicatedState } from "../apply/replicated-state.ts";
import { parseVersion, type Version } from "../base/version.ts";
import { EtcdError } from "../errors.ts";
import { DowngradeInfoSetRequest } from "../proto/gen/internal.ts";
import {
  DowngradeRequest_DowngradeAction as Action,
  MaintenanceDefinition,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { Replica } from "../replica/replica.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";
import type { Proposer, Proposing } from "./proposer.ts";

export interface DowngradeServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly proposer: Proposer;
  readonly headers: Headers;
}

/** Downgrade jobs: one minor version at a time, one job at a time. */
export function registerDowngrade(dispatcher: Dispatcher, options: DowngradeServiceOptions): void {
  const { replica, state, proposer, headers } = options;
  const set = async (call: Proposing, enabled: boolean, ver: string) => {
    const proposed = DowngradeInfoSetRequest.encode({ enabled, ver }).finish();
    await proposer.propose(call, InternalField.DOWNGRADE_INFO_SET, proposed);
  };
  dispatcher.unary(MaintenanceDefinition, "downgrade", async ({ action, version }, call) => {
    if (action === Action.CANCEL) {
      await replica.readBarrier();
      if (!state.membership.downgrade.enabled) throw new EtcdError("NoInflightDowngrade");
      await set(call, false, "");
    } else if (action === Action.VALIDATE || action === Action.ENABLE) {
      const target = targetOf(version);
      await replica.readBarrier();
      checkTarget(state, target);
      if (action === Action.ENABLE) await set(call, true, `${target.major}.${target.minor}.0`);
    } else throw new EtcdError("UnknownMethod");
    return { header: headers.now(), version: state.membership.clusterVersion ?? "" };
  });
}

/** The version to go back to. @throws EtcdError WrongDowngradeVersionFormat */
function targetOf(text: string): Version {
  const target = parseVersion(text) ?? parseVersion(`${text}.0`);
  if (target === undefined) throw new EtcdError("WrongDowngradeVersionFormat");
  return target;
}

function checkTarget({ membership }: ReplicatedState, target: Version): void {
  const { clusterVersion, downgrade } = membership;
  if (clusterVersion === undefined) throw new EtcdError("ClusterVersionUnavailable");
  const current = parseVersion(clusterVersion);
  const isOneBelow = target.major === current?.major && target.minor === current.minor - 1;
  if (!isOneBelow) throw new EtcdError("InvalidDowngradeTargetVersion");
  if (downgrade.enabled) throw new EtcdError("DowngradeInProcess");
}
