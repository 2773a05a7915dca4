"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { SearchX } from "lucide-react";
import { useEffect, useEffectEvent, useMemo } from "react";
import { type NamedRow, type RowMenuAt, TreeList } from "@/components/keys/tree-list";
import { useStanding } from "@/components/keys/use-standing";
import { Button } from "@/components/ui/button";
import { Blank } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { plural } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import { isLost } from "@/lib/browser/key-tree";
import { searchKeys } from "@/lib/browser/keys";
import { errorText } from "@/lib/browser/request";
import { foldersAbove, ROOT, type TreeRow } from "@/lib/browser/tree-rows";
import { encodeBase64 } from "@/lib/schema/bytes";

const PAGE_KEYS = 500;

interface SearchListProps {
  cluster: string;
  prefix: Uint8Array;
  separator: Uint8Array;
  revision: string | undefined;
  selected: string | null;
  edited: ReadonlySet<string>;
  onChoose: (row: NamedRow) => void;
  onMenu: (at: RowMenuAt) => void;
}

/** All keys with a prefix, flat and in order, wherever the separator would cut them. */
export function SearchList(props: SearchListProps) {
  const { cluster, prefix, separator, revision, selected, edited, onChoose, onMenu } = props;
  const sharedBytes = foldersAbove(prefix, separator).at(-1)?.length ?? 0;
  const search = useSearch(cluster, prefix, revision, sharedBytes);
  const { memberName } = useStanding(cluster);
  if (search.error !== null && search.rows.length === 0) {
    return (
      <Blank
        icon={<SearchX aria-hidden />}
        title="The search has failed"
        actions={<Button onClick={search.retry}>Try again</Button>}
      >
        {search.error}
      </Blank>
    );
  }
  if (search.count === null) {
    return (
      <div className="flex flex-1 items-center justify-center gap-2 text-ink-3">
        <Spinner /> Searching
      </div>
    );
  }
  if (search.count === 0) {
    return (
      <Blank icon={<SearchX aria-hidden />} title="No key starts with this">
        <span className="font-mono text-xs break-all">{formatKey(prefix)}</span>
      </Blank>
    );
  }
  return (
    <>
      <div aria-live="polite" className="border-b px-3 py-1.5 text-xs text-ink-3">
        {plural(search.count, "key starts", "keys start")} with this
        {search.onlyMember === null ? null : (
          <span className="text-warn">, as far as {memberName(search.onlyMember)} knows</span>
        )}
      </div>
      <TreeList
        label="Keys found"
        rows={search.rows}
        separator=""
        selected={selected}
        edited={edited}
        onOpen={ignore}
        onClose={ignore}
        onLoadMore={search.more}
        onChoose={onChoose}
        onMenu={onMenu}
      />
    </>
  );
}

function ignore() {}

/** @param sharedBytes of the folder that all keys found stand in */
function useSearch(
  cluster: string,
  prefix: Uint8Array,
  revision: string | undefined,
  sharedBytes: number,
) {
  const query = useInfiniteQuery({
    queryKey: ["search pages", cluster, encodeBase64(prefix), revision ?? "now"],
    queryFn: ({ pageParam, signal }) =>
      searchKeys(cluster, { prefix, limit: PAGE_KEYS, ...pageParam }, signal),
    initialPageParam: { revision, cursor: undefined } as {
      revision: string | undefined;
      cursor: string | undefined;
    },
    getNextPageParam: (page) =>
      page.cursor === null ? undefined : { revision: page.revision, cursor: page.cursor },
    gcTime: 0,
  });
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = query;
  // Further pages are of the revision of the first. Without it the search is of a newer one.
  const isBehind = revision === undefined && isLost(error);
  const startAgain = useEffectEvent(() => void refetch());
  useEffect(() => {
    if (isBehind) startAgain();
  }, [isBehind]);
  const rows = useMemo(() => {
    const keys = data?.pages.flatMap((page) => page.keys) ?? [];
    const size = hasNextPage ? -1 : keys.length;
    const found: TreeRow[] = keys.map((meta, at) => ({
      kind: "key",
      id: `key ${meta.key}`,
      key: meta.key,
      name: meta.key,
      sharedBytes,
      meta,
      depth: 0,
      parent: ROOT,
      position: at + 1,
      size,
    }));
    const note = { id: "note", depth: 0, parent: ROOT, part: "start" as const };
    if (error !== null) found.push({ kind: "failed", ...note, text: errorText(error) });
    else if (hasNextPage) found.push({ kind: "more", ...note, text: "" });
    return found;
  }, [data, hasNextPage, error, sharedBytes]);
  return {
    rows,
    count: data?.pages[0]?.count ?? null,
    onlyMember: data?.pages.find((page) => page.onlyMember !== null)?.onlyMember ?? null,
    error: error === null ? null : errorText(error),
    retry: () => void refetch(),
    more: () => {
      if (isFetching) return;
      if (isBehind) void refetch();
      else void fetchNextPage();
    },
  };
}
