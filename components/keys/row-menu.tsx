"use client";

import { Activity, ClipboardCopy, Link2, Plus, Terminal, Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { DropdownMenu as Radix } from "radix-ui";
import type { RowMenuAt } from "@/components/keys/tree-list";
import { useCopy } from "@/components/keys/use-copy";
import { useStanding } from "@/components/keys/use-standing";
import { MenuItem, MenuSeparator } from "@/components/ui/menu";
import { returnFocusToTree } from "@/components/ui/use-focus-return";
import { getCommand, listCommand } from "@/lib/browser/etcdctl";
import { formatKey } from "@/lib/browser/key-text";
import { keysHref, watchHref } from "@/lib/browser/page-address";
import { decodeBase64 } from "@/lib/schema/bytes";

interface RowMenuProps {
  cluster: string;
  revision: string | undefined;
  separator: Uint8Array;
  at: RowMenuAt | null;
  onClose: () => void;
  onCreate: (prefix: Uint8Array) => void;
  onDeletePrefix: (prefix: Uint8Array) => void;
}

/** Actions of one row, where the pointer or the keyboard asked for them. */
export function RowMenu(props: RowMenuProps) {
  const { at, onClose } = props;
  return (
    <Radix.Root
      open={at !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      modal={false}
    >
      <Radix.Trigger asChild>
        <span
          aria-hidden
          tabIndex={-1}
          className="pointer-events-none fixed size-0"
          style={{ left: at?.x ?? 0, top: at?.y ?? 0 }}
        />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="start"
          collisionPadding={8}
          aria-label="Actions"
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            returnFocusToTree();
          }}
          className="z-50 min-w-52 animate-fade rounded-lg border bg-raised p-1 shadow-float"
        >
          {at === null ? null : <Items {...props} at={at} />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Items(props: RowMenuProps & { at: RowMenuAt }) {
  const { cluster, revision, separator, at, onCreate, onDeletePrefix } = props;
  const router = useRouter();
  const copy = useCopy();
  const { refusal } = useStanding(cluster);
  const isFolder = at.row.kind === "folder";
  const bytes = decodeBase64(at.row.key);
  const place = isFolder ? { folder: bytes } : { key: bytes };
  const address = { cluster, separator, revision, ...place };
  const what = isFolder ? "prefix" : "key";
  const command = isFolder ? listCommand(bytes, revision) : getCommand(bytes, revision);
  return (
    <>
      <MenuItem onSelect={() => copy(formatKey(bytes), `The ${what} is copied`)}>
        <ClipboardCopy aria-hidden /> Copy {what}
      </MenuItem>
      <MenuItem
        onSelect={() => copy(window.location.origin + keysHref(address), "The link is copied")}
      >
        <Link2 aria-hidden /> Copy link
      </MenuItem>
      <MenuItem
        disabled={command === null}
        onSelect={() => copy(command ?? "", "The command is copied")}
      >
        <Terminal aria-hidden /> Copy as etcdctl
      </MenuItem>
      <MenuSeparator />
      <MenuItem
        onSelect={() =>
          router.push(watchHref({ cluster, range: { kind: isFolder ? "prefix" : "key", bytes } }))
        }
      >
        <Activity aria-hidden /> Watch {what}
      </MenuItem>
      {revision !== undefined ? null : (
        <>
          <MenuItem
            refusal={refusal}
            onSelect={() => onCreate(isFolder ? bytes : parentOf(bytes, at))}
          >
            <Plus aria-hidden /> New key {isFolder ? "in here" : "beside it"}
          </MenuItem>
          {isFolder ? (
            <>
              <MenuSeparator />
              <MenuItem tone="danger" refusal={refusal} onSelect={() => onDeletePrefix(bytes)}>
                <Trash2 aria-hidden /> Delete all keys in here…
              </MenuItem>
            </>
          ) : null}
        </>
      )}
    </>
  );
}

function parentOf(key: Uint8Array, at: RowMenuAt): Uint8Array {
  return key.slice(0, key.length - decodeBase64(at.row.name).length);
}
