"use client";

import { Plus, Search, TriangleAlert, X } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { EmptyTree } from "@/components/keys/empty-key-space";
import type { KeysLocation } from "@/components/keys/keys-address";
import { RevisionBar } from "@/components/keys/revision-bar";
import { RowMenu } from "@/components/keys/row-menu";
import { SearchList } from "@/components/keys/search-list";
import { SeparatorChoice } from "@/components/keys/separator-choice";
import { type NamedRow, type RowMenuAt, TreeList } from "@/components/keys/tree-list";
import { useStanding } from "@/components/keys/use-standing";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { Blank } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { Waiting } from "@/components/ui/waiting";
import { useDrafts } from "@/lib/browser/drafts";
import { plural } from "@/lib/browser/format";
import { encodeUtf8, formatKey, parseKey } from "@/lib/browser/key-text";
import type { KeyTree, TreeView } from "@/lib/browser/key-tree";
import { decodeBase64, encodeBase64 } from "@/lib/schema/bytes";

interface TreePanelProps {
  location: KeysLocation;
  tree: KeyTree;
  view: TreeView;
  onCreate: (prefix: Uint8Array) => void;
  onDeletePrefix: (prefix: Uint8Array) => void;
}

export function TreePanel({ location, tree, view, onCreate, onDeletePrefix }: TreePanelProps) {
  const { address, go } = location;
  const [text, setText] = useState("");
  const [menuAt, setMenuAt] = useState<RowMenuAt | null>(null);
  const edited = useEdited(address.cluster);
  const { refusal } = useStanding(address.cluster);
  const sought = useDeferredValue(text);
  const parsed = parseKey(sought);
  const selected = selectedId(address.key, address.folder);
  const onChoose = (row: NamedRow) => {
    const bytes = decodeBase64(row.key);
    const isFolder = row.kind === "folder";
    go({ key: isFolder ? undefined : bytes, folder: isFolder ? bytes : undefined });
  };
  const list = { selected, edited, onChoose, onMenu: setMenuAt };
  return (
    <section aria-label="Tree of keys" className="flex h-full min-w-0 flex-col bg-panel">
      <div className="flex shrink-0 flex-col gap-2 p-2">
        <SearchField text={text} onChange={setText} error={parsed.ok ? undefined : parsed.error} />
        <div className="flex items-center justify-between gap-2">
          <div className="flex min-w-0 items-center gap-2 text-xs text-ink-3">
            <SeparatorChoice
              separator={address.separator}
              onChange={(separator) => go({ separator, folder: undefined })}
            />
            <span className="figures truncate">
              {view.count === null ? null : plural(view.count, "key")}
            </span>
          </div>
          {address.revision === undefined ? (
            <Button
              size="sm"
              refusal={refusal}
              onClick={() => onCreate(parsed.ok ? parsed.bytes : encodeUtf8(""))}
            >
              <Plus /> New key
            </Button>
          ) : null}
        </div>
      </div>
      <div className="flex min-h-0 flex-1 flex-col border-t">
        {text !== "" && sought !== "" && parsed.ok ? (
          <SearchList
            cluster={address.cluster}
            prefix={parsed.bytes}
            separator={address.separator}
            revision={address.revision}
            {...list}
          />
        ) : (
          <TreeBody
            tree={tree}
            view={view}
            separator={formatKey(address.separator)}
            fixed={address.revision}
            list={list}
            refusal={refusal}
            onCreate={() => onCreate(encodeUtf8(""))}
          />
        )}
      </div>
      <RevisionBar
        cluster={address.cluster}
        view={view}
        fixed={address.revision}
        onRefresh={() => void tree.refresh()}
        onRevision={(revision) => go({ revision })}
      />
      <RowMenu
        cluster={address.cluster}
        revision={address.revision}
        separator={address.separator}
        at={menuAt}
        onClose={() => setMenuAt(null)}
        onCreate={onCreate}
        onDeletePrefix={onDeletePrefix}
      />
    </section>
  );
}

interface TreeBodyProps {
  tree: KeyTree;
  view: TreeView;
  separator: string;
  /** Set when the past is looked at. */
  fixed: string | undefined;
  list: Pick<React.ComponentProps<typeof TreeList>, "selected" | "edited" | "onChoose" | "onMenu">;
  refusal: string | null;
  onCreate: () => void;
}

function TreeBody({ tree, view, separator, fixed, list, refusal, onCreate }: TreeBodyProps) {
  const [first] = view.rows;
  if (view.revision === null && first?.kind === "failed") {
    return (
      <Blank
        icon={<TriangleAlert aria-hidden />}
        title="The keys cannot be listed"
        actions={<Button onClick={() => void tree.refresh()}>Try again</Button>}
      >
        {first.text}
      </Blank>
    );
  }
  if (view.revision === null) return <TreeSkeleton />;
  if (view.count === 0) return <EmptyTree fixed={fixed} refusal={refusal} onCreate={onCreate} />;
  return (
    <TreeList
      label="Keys"
      rows={view.rows}
      separator={separator}
      onOpen={(folder) => void tree.openFolder(folder)}
      onClose={(folder) => tree.closeFolder(folder)}
      onLoadMore={({ parent, part }) => void tree.loadMore(parent, part)}
      {...list}
    />
  );
}

function TreeSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading keys" className="flex flex-col gap-3 p-4">
      {["w-3/5", "w-2/5", "w-1/2", "w-2/3", "w-1/3"].map((width) => (
        <Skeleton key={width} className={`h-3.5 ${width}`} />
      ))}
      <Waiting>Waiting for the cluster to answer</Waiting>
    </div>
  );
}

interface SearchFieldProps {
  text: string;
  error: string | undefined;
  onChange: (text: string) => void;
}

function SearchField({ text, error, onChange }: SearchFieldProps) {
  return (
    <div>
      <div className="relative">
        <Search
          aria-hidden
          className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3"
        />
        <Input
          data-page-search
          aria-label="Search keys by prefix"
          aria-invalid={error !== undefined}
          placeholder="Search by prefix"
          value={text}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") onChange("");
          }}
          className="px-8 font-mono text-xs placeholder:font-sans placeholder:text-sm"
        />
        {text === "" ? (
          <Kbd className="absolute top-1.5 right-2">/</Kbd>
        ) : (
          <button
            type="button"
            aria-label="Clear the search"
            onClick={() => onChange("")}
            className="absolute inset-y-0 right-0 flex w-8 items-center justify-center text-ink-3 hover:text-ink"
          >
            <X aria-hidden className="size-3.5" />
          </button>
        )}
      </div>
      {error === undefined ? null : (
        <div role="alert" className="pt-1 text-xs text-bad">
          {error}
        </div>
      )}
    </div>
  );
}

function useEdited(cluster: string): ReadonlySet<string> {
  const drafts = useDrafts();
  return useMemo(
    () =>
      new Set(
        [...drafts.values()]
          .filter((draft) => draft.cluster === cluster)
          .map(({ base }) => base.key),
      ),
    [drafts, cluster],
  );
}

function selectedId(key: Uint8Array | undefined, folder: Uint8Array | undefined): string | null {
  if (key !== undefined) return `key ${encodeBase64(key)}`;
  return folder === undefined ? null : `folder ${encodeBase64(folder)}`;
}
