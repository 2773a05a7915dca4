"use client";

import type { ReactNode } from "react";
import { Fact, Facts } from "@/components/keys/key-facts";
import { KeyLabel } from "@/components/keys/key-label";
import type { KeysLocation } from "@/components/keys/keys-address";
import { Skeleton } from "@/components/ui/skeleton";
import { formatBytes, formatCount, formatDecimal, plural } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import { keysHref } from "@/lib/browser/page-address";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { KeyMeta, SummaryReply } from "@/lib/schema/keys";

interface FolderSummaryProps {
  location: KeysLocation;
  folder: Uint8Array;
  /** Undefined while it is awaited. */
  summary: SummaryReply | undefined;
}

/** The folder in figures. Where not all keys were looked at, each says in which direction it errs. */
export function FolderFacts({ summary }: Pick<FolderSummaryProps, "summary">) {
  const figure = (of: (summary: SummaryReply) => ReactNode) =>
    summary === undefined ? <Skeleton className="my-0.5 h-4 w-16" /> : of(summary);
  return (
    <Facts>
      <Fact name="Keys at any depth">{figure(({ count }) => formatCount(count))}</Fact>
      <Fact name="Newest change">
        {figure(({ recent: [newest], ...scope }) => (
          <Figure text={revisionOf(newest)} beyond={isListed(scope) ? null : "or later"} />
        ))}
      </Fact>
      <Fact name="Oldest change">
        {figure(({ oldest, ...scope }) => (
          <Figure text={revisionOf(oldest)} beyond={isListed(scope) ? null : "or earlier"} />
        ))}
      </Fact>
      <Fact name="Keys on a lease">
        {figure(({ leased, ...scope }) => (
          <Figure
            text={leased === 0 ? null : formatCount(leased)}
            beyond={isListed(scope) ? null : "or more"}
          />
        ))}
      </Fact>
      <Fact name="Size of values">
        {figure(({ valueBytes, weighed, count }) => (
          <Figure text={formatBytes(valueBytes)} beyond={weighed === count ? null : "or more"} />
        ))}
      </Fact>
    </Facts>
  );
}

function isListed({ listed, count }: Pick<SummaryReply, "listed" | "count">): boolean {
  return listed === count;
}

function revisionOf(meta: KeyMeta | null | undefined): string | null {
  return meta === null || meta === undefined ? null : formatDecimal(meta.modRevision);
}

/** @param beyond why the figure is not the last word */
function Figure({ text, beyond }: { text: string | null; beyond: string | null }) {
  if (text === null) {
    return <span className="text-ink-3">{beyond === null ? "None" : "None seen"}</span>;
  }
  return (
    <>
      {text} {beyond === null ? null : <span className="text-xs text-ink-3">{beyond}</span>}
    </>
  );
}

/** What the figures are of, where that is not all keys. */
export function FolderScope({ summary }: { summary: SummaryReply }) {
  const { count, weighed } = summary;
  if (weighed === count) return null;
  const first = (keys: number) => `the first ${formatCount(keys)} keys`;
  const looked = isListed(summary) ? "" : `${first(summary.listed)} were looked at, and `;
  return `To spare the cluster only ${looked}the values of ${first(weighed)} were read. `;
}

/** The keys that stand out among those that were looked at. */
export function FolderLists({ summary, ...place }: FolderSummaryProps) {
  if (summary?.count === 0) return null;
  const { listed, weighed, count } = summary ?? { listed: 0, weighed: 0, count: 0 };
  return (
    <div className="grid gap-x-6 gap-y-4 @2xl:grid-cols-2">
      <KeyList
        {...place}
        title="Changed last"
        scope={listed === count ? null : `among the first ${plural(listed, "key")}`}
        keys={summary?.recent}
        figure={({ modRevision }) => `revision ${formatDecimal(modRevision)}`}
      />
      <KeyList
        {...place}
        title="Largest values"
        scope={weighed === count ? null : `among the first ${plural(weighed, "key")}`}
        keys={summary?.largest}
        figure={({ sizeBytes }) => formatBytes(sizeBytes ?? 0)}
      />
    </div>
  );
}

interface KeyListProps extends Omit<FolderSummaryProps, "summary"> {
  title: string;
  scope: string | null;
  keys: readonly KeyMeta[] | undefined;
  figure: (meta: KeyMeta) => string;
}

function KeyList({ location, folder, title, scope, keys, figure }: KeyListProps) {
  return (
    <section aria-label={title} className="min-w-0">
      <h2 className="pb-1 text-xs font-medium text-ink-2">
        {title} {scope === null ? null : <span className="font-normal text-ink-3">{scope}</span>}
      </h2>
      <ul className="divide-y border-y">
        {keys === undefined
          ? ["w-2/5", "w-3/5", "w-1/2"].map((width) => (
              <li key={width} className="flex h-8 items-center">
                <Skeleton className={`h-3.5 ${width}`} />
              </li>
            ))
          : keys.map((meta) => (
              <li key={meta.key}>
                <KeyLine location={location} folder={folder} meta={meta} figure={figure(meta)} />
              </li>
            ))}
      </ul>
    </section>
  );
}

interface KeyLineProps extends Pick<KeyListProps, "location" | "folder"> {
  meta: KeyMeta;
  figure: string;
}

function KeyLine({ location, folder, meta, figure }: KeyLineProps) {
  const { address, go } = location;
  const key = decodeBase64(meta.key);
  const place = { folder: undefined, key };
  return (
    <a
      href={keysHref({ ...address, ...place })}
      title={formatKey(key)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(place);
      }}
      className="-mx-2 flex h-8 items-center justify-between gap-3 rounded-sm px-2 hover:bg-hover"
    >
      <span className="min-w-0 truncate font-mono text-xs">
        <KeyLabel bytes={key.slice(folder.length)} />
      </span>
      <span className="figures shrink-0 text-xs text-ink-3">{figure}</span>
    </a>
  );
}
