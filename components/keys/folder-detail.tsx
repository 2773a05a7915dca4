"use client";

import { useQuery } from "@tanstack/react-query";
import { ClipboardCopy, Plus, Trash2 } from "lucide-react";
import { useEffect, useEffectEvent } from "react";
import { FolderFacts, FolderLists, FolderScope } from "@/components/keys/folder-summary";
import { KeyHeader } from "@/components/keys/key-header";
import type { KeysLocation } from "@/components/keys/keys-address";
import { useCopy } from "@/components/keys/use-copy";
import { useStanding } from "@/components/keys/use-standing";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Waiting } from "@/components/ui/waiting";
import { deletePrefixCommand, isOpenRange, listCommand } from "@/lib/browser/etcdctl";
import { formatDecimal } from "@/lib/browser/format";
import { formatKey, prefixEnd } from "@/lib/browser/key-text";
import { isLost } from "@/lib/browser/key-tree";
import { summaryQuery } from "@/lib/browser/keys";
import { keysHref, watchHref } from "@/lib/browser/page-address";
import { errorText } from "@/lib/browser/request";

interface FolderDetailProps {
  location: KeysLocation;
  folder: Uint8Array;
  /** The revision at which the tree stands. */
  revision: string | null;
  onCreate: (prefix: Uint8Array) => void;
  onDeletePrefix: (prefix: Uint8Array) => void;
  /** The tree stands at a revision that etcd no longer has. */
  onRevisionLost: () => void;
}

export function FolderDetail(props: FolderDetailProps) {
  const { location, folder, revision, onCreate, onDeletePrefix, onRevisionLost } = props;
  const { address, go } = location;
  const { refusal, memberName } = useStanding(address.cluster);
  const copy = useCopy();
  const at = address.revision ?? revision ?? undefined;
  const summary = useQuery(summaryQuery(address.cluster, folder, at));
  const { data, error } = summary;
  const isPast = address.revision !== undefined;
  const isUnread = data === undefined && error !== null;
  const isEmpty = data?.count === 0;
  const isBehind = !isPast && isLost(error);
  const goOn = useEffectEvent(onRevisionLost);
  useEffect(() => {
    if (isBehind) goOn();
  }, [isBehind]);
  const copyOf = data?.onlyMember ?? null;
  return (
    <section
      aria-label={`Folder ${formatKey(folder)}`}
      aria-busy={data === undefined && !isUnread}
      className="@container flex h-full min-w-0 flex-col bg-panel"
    >
      <KeyHeader
        bytes={folder}
        what="folder"
        badges={
          <>
            {isPast ? <Badge tone="warn">As of revision {formatDecimal(at ?? "0")}</Badge> : null}
            {isPast || data === undefined ? null : (
              <span className="figures text-2xs text-ink-3">
                Counted at revision {formatDecimal(data.revision)}
              </span>
            )}
            {copyOf === null ? null : (
              <Badge tone="warn">Only what {memberName(copyOf)} has; may be old</Badge>
            )}
          </>
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
        onDelete={isPast || isEmpty ? undefined : () => onDeletePrefix(folder)}
        deleteLabel="Delete all keys in here…"
        refusal={refusal}
        onBack={() => go({ folder: undefined })}
      />
      {isUnread ? (
        <Notice
          tone="bad"
          title="The folder cannot be read"
          className="mx-4 mb-3"
          actions={
            <Button
              size="sm"
              onClick={() => (isBehind ? onRevisionLost() : void summary.refetch())}
            >
              Try again
            </Button>
          }
        >
          {errorText(error)}
        </Notice>
      ) : (
        <FolderFacts summary={data} />
      )}
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-t px-4 py-2">
        {isPast ? null : (
          <Button size="sm" refusal={refusal} onClick={() => onCreate(folder)}>
            <Plus /> New key in here
          </Button>
        )}
        <Button
          size="sm"
          className="@max-md:hidden"
          onClick={() => copy(formatKey(folder), "The prefix is copied")}
        >
          <ClipboardCopy /> Copy prefix
        </Button>
        {isPast || isEmpty ? null : (
          <Button
            tone="danger-quiet"
            size="sm"
            className="ml-auto"
            refusal={refusal}
            onClick={() => onDeletePrefix(folder)}
          >
            <Trash2 /> Delete all keys in here…
          </Button>
        )}
      </div>
      <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-auto border-t px-4 py-3">
        {isEmpty ? (
          <Notice tone="info" title="No key is in here">
            {isPast ? "None was, at this revision." : "The folder is there as soon as a key is."}
          </Notice>
        ) : null}
        {isUnread ? null : <FolderLists location={location} folder={folder} summary={data} />}
        {data === undefined && !isUnread ? (
          <Waiting>Waiting for the cluster to answer</Waiting>
        ) : null}
        <p className="text-xs text-ink-3">
          {data === undefined ? null : <FolderScope summary={data} />}
          <Range folder={folder} />
        </p>
      </div>
    </section>
  );
}

function Range({ folder }: { folder: Uint8Array }) {
  const name = "font-mono text-ink-2 [overflow-wrap:anywhere]";
  return (
    <>
      The range is from <span className={name}>{formatKey(folder)}</span> up to{" "}
      {isOpenRange(folder) ? (
        "the end of all keys."
      ) : (
        <>
          <span className={name}>{formatKey(prefixEnd(folder))}</span>, excluded.
        </>
      )}
    </>
  );
}
