"use client";

import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { KeyHeader } from "@/components/keys/key-header";
import type { KeysLocation } from "@/components/keys/keys-address";
import { useStanding } from "@/components/keys/use-standing";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { deletePrefixCommand, isOpenRange, listCommand } from "@/lib/browser/etcdctl";
import { formatCount, formatDecimal } from "@/lib/browser/format";
import { formatKey, prefixEnd } from "@/lib/browser/key-text";
import { searchKeys } from "@/lib/browser/keys";
import { keysHref, watchHref } from "@/lib/browser/page-address";
import { errorText } from "@/lib/browser/request";
import { encodeBase64 } from "@/lib/schema/bytes";

interface FolderDetailProps {
  location: KeysLocation;
  folder: Uint8Array;
  /** The revision at which the tree stands. */
  revision: string | null;
  onCreate: (prefix: Uint8Array) => void;
  onDeletePrefix: (prefix: Uint8Array) => void;
}

export function FolderDetail(props: FolderDetailProps) {
  const { location, folder, revision, onCreate, onDeletePrefix } = props;
  const { address, go } = location;
  const { refusal } = useStanding(address.cluster);
  const at = address.revision ?? revision ?? undefined;
  const { data, error } = useQuery({
    queryKey: ["folder", address.cluster, encodeBase64(folder), at ?? "now"],
    queryFn: ({ signal }) =>
      searchKeys(address.cluster, { prefix: folder, revision: at, limit: 1 }, signal),
  });
  const isPast = address.revision !== undefined;
  return (
    <section
      aria-label={`Folder ${formatKey(folder)}`}
      className="flex h-full min-w-0 flex-col bg-panel"
    >
      <KeyHeader
        bytes={folder}
        what="folder"
        badges={
          isPast ? <Badge tone="warn">As of revision {formatDecimal(at ?? "0")}</Badge> : null
        }
        link={keysHref({ ...address, folder, key: undefined })}
        watchLink={watchHref({
          cluster: address.cluster,
          range: { kind: "prefix", bytes: folder },
        })}
        commands={[
          { label: "Copy etcdctl get", command: listCommand(folder, address.revision) },
          { label: "Copy etcdctl del", command: deletePrefixCommand(folder) },
        ]}
        onDelete={isPast ? undefined : () => onDeletePrefix(folder)}
        deleteLabel="Delete all keys in here…"
        refusal={refusal}
        onBack={() => go({ folder: undefined })}
      />
      <div className="flex flex-col gap-4 overflow-auto px-4 pb-4">
        {error === null ? null : <Notice tone="bad" title={errorText(error)} />}
        <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 [&_dt]:text-ink-3">
          <dt>Keys at any depth</dt>
          <dd className="figures">
            {data === undefined ? <Skeleton className="h-4 w-16" /> : formatCount(data.count)}
          </dd>
          <dt>Counted at revision</dt>
          <dd className="figures">{data === undefined ? "" : formatDecimal(data.revision)}</dd>
          <dt>Range</dt>
          <dd className="min-w-0 font-mono text-xs leading-5 [overflow-wrap:anywhere]">
            {formatKey(folder)} <span className="font-sans text-ink-3">up to</span>{" "}
            {isOpenRange(folder) ? (
              "the end of all keys"
            ) : (
              <>
                {formatKey(prefixEnd(folder))}
                <span className="font-sans text-ink-3">, excluded</span>
              </>
            )}
          </dd>
        </dl>
        {isPast ? null : (
          <div className="flex flex-wrap gap-2">
            <Button size="sm" refusal={refusal} onClick={() => onCreate(folder)}>
              <Plus /> New key in here
            </Button>
            <Button
              tone="danger-quiet"
              size="sm"
              refusal={refusal}
              onClick={() => onDeletePrefix(folder)}
            >
              <Trash2 /> Delete all keys in here…
            </Button>
          </div>
        )}
      </div>
    </section>
  );
}
