"use client";

import { useQuery } from "@tanstack/react-query";
import { usePathname, useSearchParams } from "next/navigation";
import { useCallback } from "react";
import { clustersQuery, DEFAULT_CLUSTER } from "@/lib/browser/clusters";
import type { Connection } from "@/lib/schema/clusters";

/** The cluster that the address names. */
export function useCluster(): string {
  return useSearchParams().get("cluster") ?? DEFAULT_CLUSTER;
}

/** What the console knows of that cluster; undefined until it has answered. */
export function useConnection(): Connection | undefined {
  const cluster = useCluster();
  const { data } = useQuery(clustersQuery());
  return data?.clusters.find((connection) => connection.id === cluster);
}

/** Addresses of areas that stay in the same cluster. */
export function useAreaHref(): (area: string) => string {
  const cluster = useCluster();
  return useCallback((area) => `/${area}?cluster=${encodeURIComponent(cluster)}`, [cluster]);
}

export function useCurrentArea(): string {
  return usePathname().split("/")[1] ?? "";
}
