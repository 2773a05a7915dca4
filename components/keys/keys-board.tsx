"use client";

import { MousePointerClick } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Caveats } from "@/components/keys/caveats";
import { CreateKeyDialog } from "@/components/keys/create-key-dialog";
import { DeletePrefixDialog } from "@/components/keys/delete-prefix-dialog";
import { FirstKeyHint } from "@/components/keys/empty-key-space";
import { FolderDetail } from "@/components/keys/folder-detail";
import { KeyDetail } from "@/components/keys/key-detail";
import { type KeysLocation, useKeysLocation } from "@/components/keys/keys-address";
import { TreePanel } from "@/components/keys/tree-panel";
import { useKeyTree } from "@/components/keys/use-key-tree";
import { useReread } from "@/components/keys/use-reread";
import { useStanding } from "@/components/keys/use-standing";
import { Kbd } from "@/components/ui/kbd";
import { Blank } from "@/components/ui/notice";
import { useCommandKey } from "@/components/ui/platform";
import { SplitPanes } from "@/components/ui/split-panes";
import { formatKey } from "@/lib/browser/key-text";
import type { KeyTree, TreeView } from "@/lib/browser/key-tree";

export function KeysBoard() {
  const location = useKeysLocation();
  const { address, problem, go } = location;
  const { tree, view } = useKeyTree(address.cluster, address.separator, address.revision);
  const [creating, setCreating] = useState<Uint8Array | null>(null);
  const [deleting, setDeleting] = useState<Uint8Array | null>(null);
  const standing = useStanding(address.cluster);
  useReveal(tree, view, location);
  useReread(tree, view, standing, address.revision !== undefined);
  const refresh = () => void tree.refresh();
  const open = (key: Uint8Array) => {
    setCreating(null);
    go({ key, folder: undefined });
  };
  const isChosen = address.key !== undefined || address.folder !== undefined;
  return (
    <div className="flex h-full flex-col">
      <Caveats location={location} problem={problem} view={view} standing={standing} />
      <SplitPanes
        label="Width of the tree"
        first={
          <TreePanel
            location={location}
            tree={tree}
            view={view}
            onCreate={setCreating}
            onDeletePrefix={setDeleting}
          />
        }
        second={
          <Chosen
            location={location}
            view={view}
            isWritable={standing.refusal === null}
            onCreate={setCreating}
            onDeletePrefix={setDeleting}
            onTreeChanged={refresh}
          />
        }
        narrow={isChosen ? "second" : "first"}
      />
      <CreateKeyDialog
        cluster={address.cluster}
        prefix={creating}
        onClose={() => setCreating(null)}
        onCreated={(key) => {
          location.show(key);
          refresh();
        }}
        onOpenExisting={open}
      />
      <DeletePrefixDialog
        cluster={address.cluster}
        separator={address.separator}
        prefix={deleting}
        onClose={() => setDeleting(null)}
        onDeleted={refresh}
      />
    </div>
  );
}

interface ChosenProps {
  location: KeysLocation;
  view: TreeView;
  isWritable: boolean;
  onCreate: (prefix: Uint8Array) => void;
  onDeletePrefix: (prefix: Uint8Array) => void;
  onTreeChanged: () => void;
}

function Chosen(props: ChosenProps) {
  const { location, view, isWritable, onCreate, onDeletePrefix, onTreeChanged } = props;
  const commandKey = useCommandKey();
  const { key, folder, cluster, revision } = location.address;
  if (key !== undefined) {
    return (
      <KeyDetail
        key={`${cluster} ${revision ?? ""} ${formatKey(key)}`}
        location={location}
        keyBytes={key}
        onCreate={onCreate}
        onTreeChanged={onTreeChanged}
      />
    );
  }
  if (folder !== undefined) {
    return (
      <FolderDetail
        location={location}
        folder={folder}
        revision={view.revision}
        onCreate={onCreate}
        onDeletePrefix={onDeletePrefix}
        onRevisionLost={onTreeChanged}
      />
    );
  }
  const isEmpty = view.count === 0 && view.onlyMember === null && revision === undefined;
  if (isEmpty && isWritable) return <FirstKeyHint />;
  return (
    <Blank icon={<MousePointerClick aria-hidden />} title="Select a key">
      Press <Kbd>/</Kbd> to search by prefix or <Kbd>{commandKey} K</Kbd> to open one by its name.
    </Blank>
  );
}

/** A shared address opens the tree down to its key; a lone folder opens anyway. */
function useReveal(tree: KeyTree, view: TreeView, location: KeysLocation) {
  const { key, folder } = location.address;
  const target = key ?? folder;
  const isKey = key !== undefined;
  const isLoaded = view.revision !== null;
  const { rows } = view;
  const revealed = useRef<KeyTree | null>(null);
  useEffect(() => {
    if (!isLoaded || revealed.current === tree) return;
    revealed.current = tree;
    const only = rows.length === 1 ? rows[0] : undefined;
    if (target !== undefined) void tree.reveal(target, true);
    else if (only?.kind === "folder") void tree.openFolder(only.key);
  }, [tree, isLoaded, target, rows]);
  useEffect(() => {
    if (revealed.current === tree && target !== undefined) void tree.reveal(target, isKey);
  }, [tree, target, isKey]);
}
