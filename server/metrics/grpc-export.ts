import type { Registry } from "prom-client";
import { exportDistributions } from "./exported-distributions.ts";
import { exportValues, type Sample } from "./exported-values.ts";
import type { GrpcMethodCounters } from "./grpc-counters.ts";
import type { GrpcMetrics } from "./grpc-metrics.ts";

/** grpc-go's names of the status codes, by number. */
const CODES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;
const METHOD_LABELS = ["grpc_type", "grpc_service", "grpc_method"];

/** Every registered method is exported with all of its codes from the start, as etcd does. */
export function exportGrpc(registry: Registry, grpc: GrpcMetrics): void {
  const counter = (name: string, help: string, read: (of: GrpcMethodCounters) => number) =>
    exportValues(registry, {
      name,
      help,
      type: "counter",
      labelNames: METHOD_LABELS,
      read: () => grpc.methods.map((method): Sample => [labelsOf(method), read(method)]),
    });
  counter("grpc_server_started_total", "Calls begun", (method) => method.started);
  counter("grpc_server_msg_received_total", "Messages received", (method) => method.received);
  counter("grpc_server_msg_sent_total", "Messages sent", (method) => method.sent);
  exportValues(registry, {
    name: "grpc_server_handled_total",
    help: "Calls ended, by the status they ended with",
    type: "counter",
    labelNames: [...METHOD_LABELS, "grpc_code"],
    read: () => grpc.methods.flatMap(handledSamples),
  });
  exportTraffic(registry, grpc);
  if (grpc.isExtensive) exportDurations(registry, grpc);
}

function exportDurations(registry: Registry, grpc: GrpcMetrics): void {
  exportDistributions(registry, {
    name: "grpc_server_handling_seconds",
    help: "From a call's arrival to its end",
    labelNames: METHOD_LABELS,
    read: () =>
      grpc.methods.flatMap((method) =>
        method.seconds === undefined ? [] : [[labelsOf(method), method.seconds] as const],
      ),
  });
}

function exportTraffic(registry: Registry, grpc: GrpcMetrics): void {
  exportValues(registry, {
    name: "etcd_network_client_grpc_received_bytes_total",
    help: "Bytes of messages received from clients",
    type: "counter",
    labelNames: [],
    read: () => [[{}, grpc.receivedBytes]],
  });
  exportValues(registry, {
    name: "etcd_network_client_grpc_sent_bytes_total",
    help: "Bytes of messages sent to clients",
    type: "counter",
    labelNames: [],
    read: () => [[{}, grpc.sentBytes]],
  });
  exportValues(registry, {
    name: "etcd_server_client_requests_total",
    help: "Calls by kind and by the version that the client says to be of",
    type: "counter",
    labelNames: ["type", "client_api_version"],
    read: () => [...versionSamples(grpc, "unary"), ...versionSamples(grpc, "stream")],
  });
}

function versionSamples(grpc: GrpcMetrics, type: "unary" | "stream"): Sample[] {
  return [...grpc.clientVersions(type)].map(([version, calls]) => [
    { type, client_api_version: version },
    calls,
  ]);
}

function handledSamples(method: GrpcMethodCounters): Sample[] {
  const labels = labelsOf(method);
  return CODES.map((code, status) => [
    { ...labels, grpc_code: code },
    method.handled[status] as number,
  ]);
}

function labelsOf(method: GrpcMethodCounters): Record<string, string> {
  return {
    grpc_type: method.type,
    grpc_service: method.service,
    grpc_method: method.method,
  };
}
