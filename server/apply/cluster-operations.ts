import { alarmName } from "../alarm/alarm-name.ts";
import { EMPTY_BYTES, hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { minorVersion } from "../base/version.ts";
import { EtcdError } from "../errors.ts";
import type { Publication } from "../membership/publication.ts";
import { isCompatible } from "../membership/versions.ts";
import {
  ClusterMemberAttrSetRequest,
  ClusterVersionSetRequest,
  DowngradeInfoSetRequest,
} from "../proto/gen/internal.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmResponse,
  AlarmType,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { AnyOperation, Operation } from "./operation.ts";
import { NO_COST, NOT_JUDGED } from "./operation.ts";
import { type Outcome, refused, succeeded } from "./outcome.ts";
import type { ReplicatedState } from "./replicated-state.ts";

/** Characters of what is no version that the log is told. */
const VERSION_TEXT_MAX = 64;

/** Alarms, and what members and the leader publish about themselves. */
export function clusterOperations(state: ReplicatedState, log: Log): AnyOperation[] {
  return [alarm(state, log), versionSet(state, log), attributesSet(state, log), downgrade(state)];
}

/** Whether it may enter the log: members of etcd end when they apply another version. */
export function isSoundPublication(state: ReplicatedState, publication: Publication): boolean {
  return publication.kind !== "version" || isCompatible(publication.version, state.serverVersion);
}

/**
 * Applies a name with client URLs, or a cluster version, in whichever form it came. A version that
 * is none, or beyond this member's own, changes nothing.
 */
export function applyPublication(
  state: ReplicatedState,
  log: Log,
  publication: Publication,
): Outcome {
  const { membership } = state;
  const cluster = {
    "cluster-id": hexId(membership.clusterId),
    "local-member-id": hexId(membership.memberId),
  };
  if (publication.kind === "version") {
    const from = membership.clusterVersion;
    const to = minorVersion(publication.version);
    if (!membership.setClusterVersion(publication.version, state.serverVersion)) {
      const fields = { ...cluster, "local-server-version": state.serverVersion };
      log.error("refused a cluster version that is none for this member", {
        ...fields,
        "cluster-version": to.slice(0, VERSION_TEXT_MAX),
      });
      return refused(new EtcdError("UnknownMethod"), state.kv.revision);
    }
    if (from === undefined) {
      log.info("set initial cluster version", { ...cluster, "cluster-version": to });
    } else log.info("updated cluster version", { ...cluster, from: minorVersion(from), to });
    log.info("enabled capabilities for version", { "cluster-version": to });
  } else if (!membership.setAttributes(publication.memberId, publication.attributes)) {
    log.warn("skipped attributes update of removed member", {
      ...cluster,
      "updated-peer-id": hexId(publication.memberId),
    });
  }
  return succeeded(state.kv.revision, EMPTY_BYTES);
}

function alarm(state: ReplicatedState, log: Log): Operation<AlarmRequest> {
  return {
    field: InternalField.ALARM,
    needsIntactState: false,
    decode: (bytes) => AlarmRequest.decode(bytes),
    cost: NO_COST,
    authorize: NOT_JUDGED,
    run: (request) => {
      const alarms = changeAlarms(state, log, request);
      const body = AlarmResponse.encode({ header: undefined, alarms: [...alarms] }).finish();
      return succeeded(state.kv.revision, Buffer.from(body));
    },
  };
}

function changeAlarms(state: ReplicatedState, log: Log, request: AlarmRequest) {
  const { action, memberID, alarm: type } = request;
  const { alarms } = state;
  const fields = { alarm: alarmName(type), from: hexId(memberID) };
  if (action === AlarmRequest_AlarmAction.GET) return alarms.list(type);
  if (action === AlarmRequest_AlarmAction.ACTIVATE) {
    if (type === AlarmType.NONE) return [];
    log.warn("alarm raised", fields);
    return [alarms.activate(memberID, type)];
  }
  // What no version knows changes nothing in etcd either.
  if (action !== AlarmRequest_AlarmAction.DEACTIVATE) return [];
  const removed = alarms.deactivate(memberID, type);
  if (removed !== undefined) log.warn("alarm disarmed", fields);
  return removed === undefined ? [] : [removed];
}

function versionSet(state: ReplicatedState, log: Log): Operation<ClusterVersionSetRequest> {
  return {
    field: InternalField.CLUSTER_VERSION_SET,
    needsIntactState: false,
    decode: (bytes) => ClusterVersionSetRequest.decode(bytes),
    isSound: ({ ver }) => isSoundPublication(state, { kind: "version", version: ver }),
    cost: NO_COST,
    authorize: NOT_JUDGED,
    run: ({ ver }) => applyPublication(state, log, { kind: "version", version: ver }),
  };
}

function attributesSet(state: ReplicatedState, log: Log): Operation<ClusterMemberAttrSetRequest> {
  return {
    field: InternalField.CLUSTER_MEMBER_ATTR_SET,
    needsIntactState: false,
    decode: (bytes) => ClusterMemberAttrSetRequest.decode(bytes),
    isSound: ({ memberAttributes }) => memberAttributes !== undefined,
    cost: NO_COST,
    authorize: NOT_JUDGED,
    run: ({ memberID, memberAttributes }) => {
      if (memberAttributes === undefined) {
        return refused(new EtcdError("UnknownMethod"), state.kv.revision);
      }
      // The tables hold them as JSON.
      const attributes = {
        name: memberAttributes.name.toWellFormed(),
        clientUrls: memberAttributes.clientUrls.map((url) => url.toWellFormed()),
      };
      return applyPublication(state, log, { kind: "attributes", memberId: memberID, attributes });
    },
  };
}

function downgrade(state: ReplicatedState): Operation<DowngradeInfoSetRequest> {
  return {
    field: InternalField.DOWNGRADE_INFO_SET,
    needsIntactState: false,
    decode: (bytes) => DowngradeInfoSetRequest.decode(bytes),
    cost: NO_COST,
    authorize: NOT_JUDGED,
    run: ({ enabled, ver }) => {
      state.membership.setDowngrade(enabled, ver);
      return succeeded(state.kv.revision, EMPTY_BYTES);
    },
  };
}
